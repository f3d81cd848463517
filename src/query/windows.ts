/**
 * GROUP BY time: where windows start. Counted from the Unix epoch, shifted by the offset; in a time
 * zone, windows follow local midnight, so that one may be shorter or longer where clocks change.
 */

import { zoneOffset } from '../influxql/zone.ts';
import { maxTime, minTime, nsPerSecond } from '../model/time.ts';

export interface WindowRule {
  /** More than 0. */
  readonly intervalNs: bigint;
  readonly offsetNs: bigint;
  /** IANA zone; undefined = UTC. */
  readonly zone: string | undefined;
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value % divisor < 0n ? quotient - 1n : quotient;
}

/** ns east of UTC in force at a time. */
export function zoneShiftNs(zone: string | undefined, timeNs: bigint): bigint {
  if (zone === undefined) return 0n;
  return BigInt(zoneOffset(zone, Number(floorDivide(timeNs, nsPerSecond)))) * nsPerSecond;
}

function isBelow(shift: bigint, interval: bigint): boolean {
  return (shift < 0n ? -shift : shift) < interval;
}

/** [start, end) */
export interface Window {
  readonly start: bigint;
  readonly end: bigint;
}

/**
 * The window that holds a time. Where clocks change inside it, start and end keep to local time, but
 * not when the change is as long as the window: this is InfluxDB's rule, step by step.
 */
export function windowAt(rule: WindowRule, timeNs: bigint): Window {
  const { intervalNs, offsetNs, zone } = rule;
  const time = timeNs - offsetNs;
  const shift = zoneShiftNs(zone, time);
  const rest = (time + shift) % intervalNs;
  const into = rest < 0n ? rest + intervalNs : rest;
  const left = intervalNs - into;
  const start = minTime + into >= time ? minTime : time - into;
  const end = maxTime - left <= time ? maxTime : time + left;
  if (zone === undefined) return { start: start + offsetNs, end: end + offsetNs };
  return {
    start: start + startCorrection(rule, shift, start) + offsetNs,
    end: end + endCorrection(rule, shift, end) + offsetNs,
  };
}

export function windowStart(rule: WindowRule, timeNs: bigint): bigint {
  return windowAt(rule, timeNs).start;
}

function startCorrection({ zone, intervalNs }: WindowRule, shift: bigint, start: bigint): bigint {
  const change = shift - zoneShiftNs(zone, start);
  return isBelow(change, intervalNs) ? change : 0n;
}

/**
 * Clocks going back lengthen the window they change in; skipped time belongs to the window after it,
 * so that the end moves only when the change still lies before it.
 */
function endCorrection({ zone, intervalNs }: WindowRule, shift: bigint, end: bigint): bigint {
  const shiftAtEnd = zoneShiftNs(zone, end);
  const change = shift - shiftAtEnd;
  if (change === 0n || !isBelow(change, intervalNs)) return 0n;
  if (change > 0n) return change;
  return zoneShiftNs(zone, end + change) === shiftAtEnd ? change : 0n;
}

/** Goes from window to window in output order, as filling does. */
export class WindowSteps {
  readonly #rule: WindowRule;
  readonly #descending: boolean;
  #start: bigint;
  #shift: bigint;

  constructor(rule: WindowRule, start: bigint, descending: boolean) {
    this.#rule = rule;
    this.#descending = descending;
    this.#start = start;
    this.#shift = zoneShiftNs(rule.zone, start);
  }

  get start(): bigint {
    return this.#start;
  }

  advance(): void {
    const { intervalNs, zone } = this.#rule;
    this.#start += this.#descending ? -intervalNs : intervalNs;
    if (zone === undefined) return;
    const shift = zoneShiftNs(zone, this.#start - 1n);
    if (shift === this.#shift) return;
    const change = this.#shift - shift;
    if (isBelow(change, intervalNs)) this.#start += change;
    this.#shift = shift;
  }
}

/** Whether the zone keeps one offset over the whole range, so that windows are all of one length. */
export function hasSteadyZone(rule: WindowRule, fromNs: bigint, untilNs: bigint): boolean {
  if (rule.zone === undefined) return true;
  const shift = zoneShiftNs(rule.zone, fromNs);
  // Zones change at most a few times a year; a month is shorter than any time between two changes.
  const stepNs = 28n * 86_400n * nsPerSecond;
  for (let at = fromNs; at < untilNs; at += stepNs) {
    if (zoneShiftNs(rule.zone, at) !== shift) return false;
  }
  return zoneShiftNs(rule.zone, untilNs) === shift;
}

/** Bounds that no window computation leaves. */
export function clampTime(timeNs: bigint): bigint {
  if (timeNs < minTime) return minTime;
  return timeNs > maxTime ? maxTime : timeNs;
}
