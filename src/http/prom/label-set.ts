/**
 * Labels of one Prometheus series -> the canonical key of ours: sorted, the empty ones left out, of two with one
 * name the later. The metric's name is the measurement, and stays a tag as well, as in InfluxDB.
 */

import { ByteWriter } from '../../base/bytes.ts';
import { encodeText } from '../../base/text.ts';
import { malformed, type ProtoReader } from './proto-reader.ts';

/** Where in the request a label stands: four numbers each. */
const placesPerLabel = 4;
const partSizeMax = 65_535;
const nameLabel = encodeText('__name__');
const noName = encodeText('prom_metric_not_specified');
const nameField = 1;
const valueField = 2;
const keySizeFirst = 256;

export class LabelSet {
  readonly #bytes: Uint8Array;
  readonly #places: number[] = [];
  readonly #order: number[] = [];

  /** `bytes`: the request that all labels stand in. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  clear(): void {
    this.#places.length = 0;
  }

  /** The reader stands at the field of a label. @throws CitadelError `invalid-argument` */
  read(reader: ProtoReader): void {
    const outer = reader.enter();
    const places = [0, 0, 0, 0];
    while (reader.next()) {
      if (reader.field !== nameField && reader.field !== valueField) {
        reader.skip();
        continue;
      }
      reader.span();
      const at = reader.field === nameField ? 0 : 2;
      places[at] = reader.start;
      places[at + 1] = reader.position;
      if (reader.position - reader.start > partSizeMax) {
        throw malformed(`label of ${reader.position - reader.start} bytes is too long`);
      }
    }
    reader.leave(outer);
    const isEmpty = places[0] === places[1] || places[2] === places[3];
    if (!isEmpty) this.#places.push(...places);
  }

  toSeriesKey(): Uint8Array {
    this.#sort();
    const writer = new ByteWriter(keySizeFirst);
    this.#putPart(writer, this.#metricName());
    for (const at of this.#order) {
      this.#putPart(writer, this.#part(at));
      this.#putPart(writer, this.#part(at + 2));
    }
    return writer.finish();
  }

  #metricName(): Uint8Array {
    for (const at of this.#order) {
      if (Buffer.compare(this.#part(at), nameLabel) === 0) return this.#part(at + 2);
    }
    return noName;
  }

  /** Half of a label: its name at `at`, its value two further. */
  #part(at: number): Uint8Array {
    return this.#bytes.subarray(this.#places[at]!, this.#places[at + 1]!);
  }

  #putPart(writer: ByteWriter, part: Uint8Array): void {
    writer.u16(part.length);
    writer.put(part);
  }

  #sort(): void {
    const order = this.#order;
    order.length = 0;
    for (let at = 0; at < this.#places.length; at += placesPerLabel) order.push(at);
    const compare = (a: number, b: number) => Buffer.compare(this.#part(a), this.#part(b));
    // Nearly always sorted already; equal names stay in the order they came in.
    order.sort(compare);
    for (let i = order.length - 2; i >= 0; i--) {
      if (compare(order[i]!, order[i + 1]!) === 0) order.splice(i, 1);
    }
  }
}
