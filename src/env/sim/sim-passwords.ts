/** Passwords of the seeded world: salted, quick and not secret, because nothing there is. */

import type { Passwords, Rng } from '../env.ts';

function fold(salt: string, password: string): string {
  let hash = 0x811c9dc5;
  for (const symbol of `${salt}/${password}`) {
    hash = Math.imul(hash ^ (symbol.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return hash.toString(16).padStart(8, '0');
}

export function createSimPasswords(rng: Rng): Passwords {
  return {
    hash: async (password) => {
      const salt = Buffer.from(rng.bytes(4)).toString('hex');
      return `sim$${salt}$${fold(salt, password)}`;
    },
    verify: async (password, stored) => {
      const [, salt = '', key] = stored.split('$');
      return fold(salt, password) === key;
    },
    fingerprint: (texts) => JSON.stringify(texts),
  };
}
