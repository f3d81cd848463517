/**
 * The field table of a partition file: a number for each (measurement, field name, type), and the
 * greatest stamp that a flush brought for it, so that a dropped measurement drops its fields too.
 */

import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { decodeText, encodeText } from '../../base/text.ts';
import { type FieldType, fieldTypeOf, typeCode } from '../../model/field-type.ts';

export interface PartitionField {
  readonly no: number;
  readonly measurement: string;
  readonly name: string;
  readonly type: FieldType;
  /** 0 = all its cells were deleted. */
  readonly hlcMax: number;
}

export function encodeField(field: PartitionField): Uint8Array {
  const out = new ByteWriter(64);
  out.u8(typeCode[field.type]);
  out.varint(field.hlcMax);
  const measurement = encodeText(field.measurement);
  out.varint(measurement.length);
  out.put(measurement);
  out.put(encodeText(field.name));
  return out.finish();
}

/** Undefined = not a field. */
export function decodeField(no: number, body: Uint8Array): PartitionField | undefined {
  const input = new ByteReader(body);
  const type = fieldTypeOf(input.u8());
  if (type === undefined) return undefined;
  const hlcMax = input.varint();
  const measurement = decodeText(input.span(input.varint()));
  return { no, measurement, name: decodeText(input.span(input.remaining)), type, hlcMax };
}

function keyOf(measurement: string, name: string, type: FieldType): string {
  return `${typeCode[type]}${measurement.length}:${measurement}${name}`;
}

export class PartitionFields {
  private readonly byKey = new Map<string, PartitionField>();
  private readonly byNo: PartitionField[] = [];
  /** By name and measurement: scans ask for every chunk, and a key put together each time costs more than all else. */
  private readonly named = new Map<string, Map<string, PartitionField[]>>();

  get count(): number {
    return this.byKey.size;
  }

  set(field: PartitionField): void {
    this.byKey.set(keyOf(field.measurement, field.name, field.type), field);
    this.byNo[field.no] = field;
    const { measurement, name, type } = field;
    let ofMeasurement = this.named.get(measurement);
    if (ofMeasurement === undefined) {
      ofMeasurement = new Map();
      this.named.set(measurement, ofMeasurement);
    }
    const others = ofMeasurement.get(name)?.filter((other) => other.type !== type) ?? [];
    ofMeasurement.set(name, [...others, field]);
  }

  find(measurement: string, name: string, type: FieldType): PartitionField | undefined {
    const sameName = this.named.get(measurement)?.get(name);
    return sameName?.find((field) => field.type === type);
  }

  get(no: number): PartitionField | undefined {
    return this.byNo[no];
  }

  all(): Iterable<PartitionField> {
    return this.byKey.values();
  }
}
