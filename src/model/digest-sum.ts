/**
 * Sums of digests: a digest is two sums of 64 bits over cells, as 32 hex digits, so digests of parts add up to the
 * digest of the whole, however it is cut into parts.
 */

const laneDigits = 16;

function lane(digest: string, at: number): bigint {
  return BigInt(`0x${digest.slice(at, at + laneDigits)}`);
}

/** 32 hex digits. */
export function sumDigests(digests: Iterable<string>): string {
  let [first, second] = [0n, 0n];
  for (const digest of digests) {
    first = BigInt.asUintN(64, first + lane(digest, 0));
    second = BigInt.asUintN(64, second + lane(digest, laneDigits));
  }
  return [first, second].map((sum) => sum.toString(16).padStart(laneDigits, '0')).join('');
}
