/**
 * What InfluxDB allows of databases and retention policies, in its own words. Pure: records in, records out.
 */

import { CitadelError } from '../base/errors.ts';
import { nsPerDay, nsPerHour } from '../model/time.ts';
import type { Database, PolicyOptions, RetentionPolicy } from './catalog-view.ts';

const durationMin = nsPerHour;
const replicationMax = 2_147_483_647;
export const defaultPolicyName = 'autogen';

export interface NamedPolicyOptions extends PolicyOptions {
  readonly name?: string | undefined;
}

/** Printable as Go's unicode.IsPrint has it: letters, marks, numbers, punctuation, symbols, the space. */
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u;

/** @throws CitadelError `invalid-argument`: `invalid name`. */
export function checkName(name: string): void {
  const valid = printable.test(name) && name !== '.' && name !== '..' && !/[/\\]/.test(name);
  if (!valid) throw new CitadelError('invalid-argument', 'invalid name');
}

export function databaseNotFound(name: string): CitadelError {
  return new CitadelError('not-found', `database not found: ${name}`);
}

export function policyNotFound(name: string): CitadelError {
  return new CitadelError('not-found', `retention policy not found: ${name}`);
}

export function userNotFound(): CitadelError {
  return new CitadelError('not-found', 'user not found');
}

function policyConflict(): CitadelError {
  return new CitadelError('conflict', 'retention policy conflicts with an existing policy');
}

/** How much time one shard group spans, when nobody says. */
function defaultGroupDuration(durationNs: bigint): bigint {
  if (durationNs === 0n || durationNs >= 180n * nsPerDay) return 7n * nsPerDay;
  return durationNs >= 2n * nsPerDay ? nsPerDay : nsPerHour;
}

function groupDuration(asked: bigint | undefined, durationNs: bigint): bigint {
  if (asked === undefined || asked === 0n) return defaultGroupDuration(durationNs);
  return asked < durationMin ? durationMin : asked;
}

function checkDuration(durationNs: bigint | undefined): void {
  if (durationNs !== undefined && durationNs !== 0n && durationNs < durationMin) {
    throw new CitadelError('invalid-argument', 'retention policy duration must be at least 1h0m0s');
  }
}

function checkReplication(replication: number | undefined): void {
  if (replication === undefined) return;
  if (replication < 1 || replication > replicationMax) {
    throw new CitadelError('invalid-argument', 'replication factor must be greater than 0');
  }
}

function incompatibleDurations(): CitadelError {
  return new CitadelError(
    'invalid-argument',
    'retention policy duration must be greater than the shard duration',
  );
}

/** @throws CitadelError `invalid-argument` */
export function makePolicy(id: string, options: NamedPolicyOptions): RetentionPolicy {
  checkDuration(options.durationNs);
  checkReplication(options.replication);
  const durationNs = options.durationNs ?? 0n;
  const shardGroupDurationNs = groupDuration(options.shardGroupDurationNs, durationNs);
  if (durationNs > 0n && durationNs < shardGroupDurationNs) throw incompatibleDurations();
  return {
    id,
    name: options.name || defaultPolicyName,
    durationNs,
    shardGroupDurationNs,
    replication: options.replication ?? 1,
  };
}

function findPolicy(db: Database, name: string): RetentionPolicy | undefined {
  return db.policies.find((policy) => policy.name === name);
}

/** Whether `CREATE DATABASE ... WITH` asks for what is there: options that were not given match anything. */
function matches(policy: RetentionPolicy, options: NamedPolicyOptions): boolean {
  const { durationNs, replication, shardGroupDurationNs } = options;
  return (
    (durationNs === undefined || durationNs === policy.durationNs) &&
    (replication === undefined || replication === policy.replication) &&
    groupDuration(shardGroupDurationNs, policy.durationNs) === policy.shardGroupDurationNs
  );
}

/**
 * `CREATE DATABASE ... WITH` on a database that exists: the policy it asks for, made where the database has none.
 * Undefined = nothing to change.
 *
 * @throws CitadelError `conflict`
 */
export function recreateDatabase(
  db: Database,
  id: string,
  options: NamedPolicyOptions,
): Database | undefined {
  checkDuration(options.durationNs);
  const name = options.name || defaultPolicyName;
  if (db.policies.length === 0) {
    return { ...db, policies: [makePolicy(id, options)], defaultPolicy: name };
  }
  const existing = findPolicy(db, name);
  if (existing === undefined || !matches(existing, options)) throw policyConflict();
  if (db.defaultPolicy !== name) throw policyConflict();
  return undefined;
}

/**
 * Undefined = the same policy is there already.
 *
 * @throws CitadelError `already-exists`, `conflict`
 */
export function addPolicy(
  db: Database,
  policy: RetentionPolicy,
  makeDefault: boolean,
): Database | undefined {
  const existing = findPolicy(db, policy.name);
  if (existing !== undefined) {
    const isEqual =
      existing.durationNs === policy.durationNs &&
      existing.shardGroupDurationNs === policy.shardGroupDurationNs &&
      existing.replication === policy.replication;
    if (!isEqual) throw new CitadelError('already-exists', 'retention policy already exists');
    if (makeDefault && db.defaultPolicy !== policy.name) throw policyConflict();
    return undefined;
  }
  return {
    ...db,
    policies: [...db.policies, policy],
    defaultPolicy: makeDefault ? policy.name : db.defaultPolicy,
  };
}

/** @throws CitadelError `not-found`, `invalid-argument` */
export function changePolicy(
  db: Database,
  name: string,
  options: PolicyOptions & { readonly makeDefault: boolean },
): Database {
  const policy = findPolicy(db, name);
  if (policy === undefined) throw policyNotFound(name);
  checkDuration(options.durationNs);
  checkReplication(options.replication);
  const durationNs = options.durationNs ?? policy.durationNs;
  const askedGroup = options.shardGroupDurationNs ?? policy.shardGroupDurationNs;
  const isTimeChanged =
    options.durationNs !== undefined || options.shardGroupDurationNs !== undefined;
  if (isTimeChanged && durationNs > 0n && durationNs < askedGroup) throw incompatibleDurations();
  const changed: RetentionPolicy = {
    ...policy,
    durationNs,
    shardGroupDurationNs:
      options.shardGroupDurationNs === undefined
        ? policy.shardGroupDurationNs
        : groupDuration(options.shardGroupDurationNs, durationNs),
    replication: options.replication ?? policy.replication,
  };
  return {
    ...db,
    policies: db.policies.map((other) => (other === policy ? changed : other)),
    defaultPolicy: options.makeDefault ? name : db.defaultPolicy,
  };
}

/** The default may dangle afterwards, as in InfluxDB. Undefined = there is no such policy. */
export function removePolicy(
  db: Database,
  name: string,
): { readonly db: Database; readonly removed: RetentionPolicy } | undefined {
  const removed = findPolicy(db, name);
  if (removed === undefined) return undefined;
  return { db: { ...db, policies: db.policies.filter((other) => other !== removed) }, removed };
}
