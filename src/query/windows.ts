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

/** Start of the window that holds `timeNs`. */
export function windowStart(rule: WindowRule, timeNs: bigint): bigint {
  const { intervalNs, offsetNs, zone } = rule;
  const time = timeNs - offsetNs;
  const shift = zoneShiftNs(zone, time);
  const rest = (time + shift) % intervalNs;
  const into = rest < 0n ? rest + intervalNs : rest;
  const start = (minTime + into >= time ? minTime : time - into) + offsetNs;
  if (zone === undefined) return start;
  // The start may lie before a change of clocks: its own shift counts, unless it exceeds the window.
  const change = shift - zoneShiftNs(zone, start);
  return change !== 0n && isBelow(change, intervalNs) ? start + change : start;
}

/** Start of the window after (or, descending, before) the one that starts at `start`. */
export function neighbourWindow(rule: WindowRule, start: bigint, descending: boolean): bigint {
  const { intervalNs, zone } = rule;
  const next = descending ? start - intervalNs : start + intervalNs;
  if (zone === undefined) return next;
  const change = zoneShiftNs(zone, start) - zoneShiftNs(zone, next);
  return change !== 0n && isBelow(change, intervalNs) ? next + change : next;
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
