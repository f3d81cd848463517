/** Parameters of /api/v2: buckets, which are `database/policy`, and its names of precisions. */

import { CitadelError } from '../../base/errors.ts';

/** As a write names them here; '' = ns. */
const precisions = new Map([
  ['', ''],
  ['ns', 'ns'],
  ['us', 'u'],
  ['ms', 'ms'],
  ['s', 's'],
]);

/** @throws CitadelError `invalid-argument` */
export function readV2Precision(text: string): string {
  const precision = precisions.get(text);
  if (precision !== undefined) return precision;
  const message = `invalid precision ${JSON.stringify(text)} (use ns, us, ms or s)`;
  throw new CitadelError('invalid-argument', message);
}

export interface Bucket {
  readonly database: string;
  /** '' = the database's default. */
  readonly policy: string;
}

/** @throws CitadelError `not-found`, which InfluxDB calls what is no name at all */
export function readBucket(name: string): Bucket {
  const slash = name.indexOf('/');
  const shown = JSON.stringify(name);
  if (name === '') {
    const message = `bucket name ${shown} is missing a slash; not in "database/retention-policy" format`;
    throw new CitadelError('not-found', message);
  }
  if (slash === 0) {
    const message = `bucket name ${shown} is in db/rp form but has an empty database`;
    throw new CitadelError('not-found', message);
  }
  if (slash === -1) return { database: name, policy: '' };
  return { database: name.slice(0, slash), policy: name.slice(slash + 1) };
}
