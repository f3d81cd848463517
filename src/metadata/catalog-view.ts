/**
 * The catalog as everyone reads it: an immutable local copy, replaced whole when metadata changes.
 * Kept current by one prefix watch; reading it costs nothing and never waits.
 */

import type { FieldType } from '../model/field-type.ts';
import type { AdminCatalog } from './admin-view.ts';

export interface RetentionPolicy {
  /** 16 hex digits, random, never reused. */
  readonly id: string;
  readonly name: string;
  /** 0n = kept for ever. */
  readonly durationNs: bigint;
  readonly shardGroupDurationNs: bigint;
  readonly replication: number;
}

export interface Database {
  readonly id: string;
  readonly name: string;
  /** In creation order. */
  readonly policies: readonly RetentionPolicy[];
  /** May dangle (InfluxDB does too): then reads and writes without a policy fail with `retention policy not found`. */
  readonly defaultPolicy: string;
}

export interface CatalogView {
  /** Creation order. */
  readonly databases: readonly Database[];
  database(name: string): Database | undefined;
  policy(db: Database, name: string): RetentionPolicy | undefined;
  /** Registered type of a field; undefined = never written. */
  fieldType(dbId: string, measurement: string, field: string): FieldType | undefined;
  /** All fields of a measurement, name -> type; undefined = unknown measurement. */
  fields(dbId: string, measurement: string): ReadonlyMap<string, FieldType> | undefined;
}

export interface FieldRegistration {
  readonly measurement: string;
  readonly field: string;
  readonly type: FieldType;
}

export interface PolicyOptions {
  readonly durationNs?: bigint | undefined;
  readonly shardGroupDurationNs?: bigint | undefined;
  readonly replication?: number | undefined;
}

/**
 * Changes, each one guarded transaction in the metadata store. InfluxDB's messages: `already-exists`,
 * `conflict`, `not-found`, `invalid-argument` carry them as the error's message, word for word.
 */
export interface Catalog {
  readonly view: CatalogView;
  readonly admin: AdminCatalog;
  /**
   * As `view` says, or, when it has no such database, as the store says: another node may have made it a
   * moment ago. @throws CitadelError `unavailable` when the store must be asked and does not answer
   */
  findDatabase(name: string): Promise<Database | undefined>;
  /** Likewise the fields of a measurement. */
  findFields(
    dbId: string,
    measurement: string,
  ): Promise<ReadonlyMap<string, FieldType> | undefined>;
  /**
   * Brings `view` up to what the store has now: the fields of a measurement, or of all (undefined).
   *
   * @throws CitadelError `unavailable`
   */
  refreshFields(dbId: string, measurement: string | undefined): Promise<void>;
  createDatabase(
    name: string,
    policy?: PolicyOptions & { readonly name?: string | undefined },
  ): Promise<Database>;
  /** Writes the positive drop record; resolves with the dropped database, undefined when there was none. */
  dropDatabase(name: string): Promise<Database | undefined>;
  createPolicy(
    db: string,
    name: string,
    options: PolicyOptions & { readonly makeDefault: boolean },
  ): Promise<RetentionPolicy>;
  alterPolicy(
    db: string,
    name: string,
    options: PolicyOptions & { readonly makeDefault: boolean },
  ): Promise<void>;
  dropPolicy(db: string, name: string): Promise<RetentionPolicy | undefined>;
  /**
   * Fixes the type of each field, whoever was first wins. Resolves with those that already had another type
   * (nothing is changed for them).
   */
  registerFields(
    dbId: string,
    fields: readonly FieldRegistration[],
  ): Promise<readonly (FieldRegistration & { readonly registered: FieldType })[]>;
  /** After the tombstones are everywhere: forget the field record of a measurement. */
  dropMeasurement(dbId: string, measurement: string): Promise<void>;
}
