/**
 * Times as text: RFC 3339 with the shortest fraction, or a whole number of some unit since the epoch.
 *
 * A time comes as the two 32-bit halves of its int64, so that no BigInt is made per row. With 2^32 =
 * 4 * 10^9 + 294967296 the seconds are known to within one by doubles, and the rest of the division
 * exactly by arithmetic modulo 2^32.
 */

import { civilFromDays } from '../../influxql/calendar.ts';
import { zoneOffset } from '../../influxql/zone.ts';
import type { ByteWriter } from './byte-writer.ts';
import { writeDigits, writeInteger } from './number-text.ts';
import type { EpochUnit } from './options.ts';

const billion = 1_000_000_000;
const secondsPerDay = 86_400;

function writeFraction(out: ByteWriter, nanos: number): void {
  let digits = 9;
  let rest = nanos;
  while (rest % 10 === 0) {
    rest /= 10;
    digits--;
  }
  out.ensure(10);
  out.bytes[out.size++] = 46;
  writeDigits(out.bytes, out.size, digits, rest);
  out.size += digits;
}

function writeOffset(out: ByteWriter, offset: number): void {
  if (offset === 0) {
    out.byte(90);
    return;
  }
  const minutes = Math.floor(Math.abs(offset) / 60);
  out.ensure(6);
  const bytes = out.bytes;
  const at = out.size;
  bytes[at] = offset < 0 ? 45 : 43;
  writeDigits(bytes, at + 1, 2, Math.floor(minutes / 60));
  bytes[at + 3] = 58;
  writeDigits(bytes, at + 4, 2, minutes % 60);
  out.size = at + 6;
}

export class TimeText {
  readonly #epoch: EpochUnit | undefined;
  readonly #zone: string | undefined;
  /** Text of the day written last, `YYYY-MM-DDT`. */
  readonly #day = new Uint8Array(11);
  #dayNumber = Number.NaN;

  constructor(epoch: EpochUnit | undefined, zone: string | undefined) {
    this.#epoch = epoch;
    this.#zone = zone;
  }

  /** Whether the text needs quotes in JSON. */
  get quoted(): boolean {
    return this.#epoch === undefined;
  }

  write(out: ByteWriter, low: number, high: number): void {
    let seconds = Math.floor((high * 0x1_0000_0000 + (low >>> 0)) / billion);
    let nanos = (low - Math.imul(seconds, billion)) | 0;
    if (nanos < 0) {
      nanos += billion;
      seconds--;
    } else if (nanos >= billion) {
      nanos -= billion;
      seconds++;
    }
    if (this.#epoch === undefined) this.#writeText(out, seconds, nanos);
    else writeSinceEpoch(out, this.#epoch, seconds, nanos);
  }

  #writeText(out: ByteWriter, seconds: number, nanos: number): void {
    const offset = this.#zone === undefined ? 0 : zoneOffset(this.#zone, seconds);
    const local = seconds + offset;
    const dayNumber = Math.floor(local / secondsPerDay);
    if (dayNumber !== this.#dayNumber) this.#setDay(dayNumber);
    out.ensure(40);
    const bytes = out.bytes;
    const at = out.size;
    for (let i = 0; i < 11; i++) bytes[at + i] = this.#day[i]!;
    const secondOfDay = local - dayNumber * secondsPerDay;
    const hour = (secondOfDay / 3_600) | 0;
    const minute = ((secondOfDay - hour * 3_600) / 60) | 0;
    writeDigits(bytes, at + 11, 2, hour);
    bytes[at + 13] = 58;
    writeDigits(bytes, at + 14, 2, minute);
    bytes[at + 16] = 58;
    writeDigits(bytes, at + 17, 2, secondOfDay - hour * 3_600 - minute * 60);
    out.size = at + 19;
    if (nanos !== 0) writeFraction(out, nanos);
    writeOffset(out, offset);
  }

  #setDay(dayNumber: number): void {
    const { year, month, day } = civilFromDays(dayNumber);
    writeDigits(this.#day, 0, 4, year);
    this.#day[4] = 45;
    writeDigits(this.#day, 5, 2, month);
    this.#day[7] = 45;
    writeDigits(this.#day, 8, 2, day);
    this.#day[10] = 84;
    this.#dayNumber = dayNumber;
  }
}

/** Whole seconds and then `digits` digits of a fraction, as one number without a point. */
function writeScaled(out: ByteWriter, seconds: number, digits: number, fraction: number): void {
  if (seconds === 0) {
    writeInteger(out, fraction);
    return;
  }
  writeInteger(out, seconds);
  out.ensure(digits);
  writeDigits(out.bytes, out.size, digits, fraction);
  out.size += digits;
}

/** `seconds` rounded down and `nanos` >= 0; the unit truncates toward zero. */
function writeSinceEpoch(out: ByteWriter, unit: EpochUnit, seconds: number, nanos: number): void {
  const negative = seconds < 0;
  const wholeSeconds = negative ? (nanos > 0 ? -(seconds + 1) : -seconds) : seconds;
  const rest = negative && nanos > 0 ? billion - nanos : nanos;
  const before = out.size;
  if (negative) out.byte(45);
  const start = out.size;
  switch (unit) {
    case 'ns':
      writeScaled(out, wholeSeconds, 9, rest);
      break;
    case 'u':
      writeScaled(out, wholeSeconds, 6, Math.floor(rest / 1_000));
      break;
    case 'ms':
      writeScaled(out, wholeSeconds, 3, Math.floor(rest / 1_000_000));
      break;
    case 's':
      writeInteger(out, wholeSeconds);
      break;
    case 'm':
      writeInteger(out, Math.floor(wholeSeconds / 60));
      break;
    case 'h':
      writeInteger(out, Math.floor(wholeSeconds / 3_600));
      break;
  }
  // Minus zero is no integer.
  if (negative && out.size === start + 1 && out.bytes[start] === 48) {
    out.bytes[before] = 48;
    out.size = start;
  }
}
