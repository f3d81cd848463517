/** Where a client comes from, as far as rights and limits depend on it: addresses as sockets report them. */

const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

function plain(address: string): string {
  const [bare = ''] = address.split('%');
  return mapped.exec(bare)?.[1] ?? bare;
}

/** The client is on this machine, or something on it speaks for the client. */
export function isLoopback(address: string): boolean {
  const bare = plain(address);
  return bare === '::1' || /^127\.\d+\.\d+\.\d+$/.test(bare);
}

/** The first four groups of an IPv6 address, `::` written out. */
function prefixOf(address: string): string {
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const behind = tail === '' ? [] : tail.split(':');
    while (groups.length + behind.length < 8) groups.push('0');
    groups.push(...behind);
  }
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':');
}

/** What counts as one client: an IPv4 address, or the 64-bit network that one IPv6 client has to itself. */
export function networkOf(address: string): string {
  const bare = plain(address);
  return bare.includes(':') ? `${prefixOf(bare)}::/64` : bare;
}
