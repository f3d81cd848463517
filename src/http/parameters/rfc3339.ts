/** Times as InfluxDB 2 writes them: RFC 3339 with up to nine digits of a second. */

const pattern =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const nsPerMs = 1_000_000n;
const msPerMinute = 60_000;

/** ns since the Unix epoch; undefined = it is no such time. */
export function parseRfc3339(text: string): bigint | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map(Number);
  const local = new Date(Date.UTC(2000, month - 1, day, hour, minute, second));
  local.setUTCFullYear(year, month - 1, day);
  const isReal =
    month >= 1 &&
    month <= 12 &&
    local.getUTCDate() === day &&
    hour < 24 &&
    minute < 60 &&
    second < 60;
  if (!isReal) return undefined;
  const offsetMinutes = Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0);
  const sign = match[8] === '-' ? 1 : -1;
  const ms = local.getTime() + sign * offsetMinutes * msPerMinute;
  return BigInt(ms) * nsPerMs + BigInt((match[7] ?? '').padEnd(9, '0'));
}
