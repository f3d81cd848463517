/**
 * Access: who sends a request, and what may he do. Users and grants live in the catalog; everything here is
 * read from its local copy, which the metadata store keeps current on every node.
 *
 * Without an administrator nobody is asked for a password, because there may be none yet: then the only right is
 * to make the first administrator, from a loopback address.
 */

import { CitadelError } from '../base/errors.ts';
import type { Reading } from '../base/reading.ts';
import { encodeText } from '../base/text.ts';
import type { Clock, Passwords, Rng } from '../env/env.ts';
import type { User } from '../metadata/admin-view.ts';
import type { Catalog } from '../metadata/catalog-view.ts';
import { isLoopback } from './address.ts';
import { readBearerToken } from './bearer-token.ts';
import { type Credentials, type LoginOffer, readCredentials } from './credentials.ts';
import { PasswordLogin } from './password-login.ts';
import { allRights, type Rights } from './rights.ts';
import type { DatabaseRight } from './statement-needs.ts';

export interface Access {
  /** False = everybody may do everything. */
  readonly isEnabled: boolean;
  /** @throws CitadelError `unauthorized` with InfluxDB's words; `overloaded` after too many failures */
  identify(offer: LoginOffer): Promise<Rights>;
  readings(): readonly Reading[];
}

export interface AccessParts {
  readonly catalog: Pick<Catalog, 'view' | 'admin'>;
  readonly clock: Pick<Clock, 'monotonicMs' | 'wallMs'>;
  readonly passwords: Passwords;
  readonly rng: Pick<Rng, 'bytes'>;
}

export interface AccessOptions {
  readonly isEnabled: boolean;
  /** Signs JSON web tokens; '' = none are taken. */
  readonly sharedSecret: string;
}

class UserRights implements Rights {
  readonly user: string;
  readonly #id: string;
  readonly #catalog: AccessParts['catalog'];

  constructor({ id, name }: User, catalog: AccessParts['catalog']) {
    this.user = name;
    this.#id = id;
    this.#catalog = catalog;
  }

  get isAdmin(): boolean {
    return this.#current?.isAdmin === true;
  }

  may(right: DatabaseRight, database: string): boolean {
    const user = this.#current;
    if (user === undefined) return false;
    if (user.isAdmin) return true;
    const { view, admin } = this.#catalog;
    const db = view.database(database);
    if (db === undefined) return false;
    const privilege = admin.view.grant(user.id, db.id)?.privilege;
    return privilege === right || privilege === 'ALL PRIVILEGES';
  }

  /** Who was dropped since he logged in has no rights, nor has he those of another one of his name. */
  get #current(): User | undefined {
    const user = this.#catalog.admin.view.user(this.user);
    return user?.id === this.#id ? user : undefined;
  }
}

class GuardedAccess implements Access {
  readonly isEnabled = true;
  readonly #parts: AccessParts;
  readonly #secret: Uint8Array;
  readonly #passwordLogin: PasswordLogin;
  /** Answered 401. */
  #failed = 0;
  /** Not even tried, because too many had failed or were under way. */
  #putOff = 0;

  constructor(parts: AccessParts, secret: Uint8Array, decoyHash: string) {
    const { clock, passwords, catalog } = parts;
    this.#parts = parts;
    this.#secret = secret;
    const users = () => catalog.admin.view;
    this.#passwordLogin = new PasswordLogin({ clock, passwords, users, decoyHash });
  }

  async identify(offer: LoginOffer): Promise<Rights> {
    const { catalog } = this.#parts;
    if (!catalog.admin.view.users.some(({ isAdmin }) => isAdmin)) {
      const beforeFirstAdmin = isLoopback(offer.address) ? 'here' : 'elsewhere';
      return { user: '', isAdmin: false, may: () => false, beforeFirstAdmin };
    }
    try {
      return new UserRights(await this.#login(offer), catalog);
    } catch (error) {
      const code = error instanceof CitadelError ? error.code : '';
      if (code === 'unauthorized') this.#failed++;
      if (code === 'overloaded') this.#putOff++;
      throw error;
    }
  }

  readings(): readonly Reading[] {
    return [
      countOf('logins_failed', 'Requests answered 401', this.#failed),
      countOf('logins_put_off', 'Logins not tried, too many failed or under way', this.#putOff),
    ];
  }

  async #login(offer: LoginOffer): Promise<User> {
    const credentials = readCredentials(offer);
    if (credentials === undefined) throw refuse('unable to parse authentication credentials');
    const user = await this.#findUser(credentials, offer.address);
    if (user === undefined) {
      throw refuse(credentials.kind === 'bearer' ? 'user not found' : 'authorization failed');
    }
    return user;
  }

  async #findUser(credentials: Credentials, address: string): Promise<User | undefined> {
    if (credentials.kind === 'bearer') {
      const nowMs = this.#parts.clock.wallMs();
      const name = await readBearerToken(credentials.token, this.#secret, nowMs);
      return this.#parts.catalog.admin.view.user(name);
    }
    const { name, password } = credentials;
    if (name === '') throw refuse('username required');
    return this.#passwordLogin.login(name, password, address);
  }
}

function refuse(message: string): CitadelError {
  return new CitadelError('unauthorized', message);
}

function countOf(name: string, help: string, value: number): Reading {
  return { kind: 'counter', name, help, labelNames: [], values: [{ labels: {}, value }] };
}

const openAccess: Access = {
  isEnabled: false,
  identify: async () => allRights,
  readings: () => [],
};

export async function createAccess(parts: AccessParts, options: AccessOptions): Promise<Access> {
  if (!options.isEnabled) return openAccess;
  const { passwords, rng } = parts;
  const decoyHash = await passwords.hash(Buffer.from(rng.bytes(16)).toString('hex'));
  return new GuardedAccess(parts, encodeText(options.sharedSecret), decoyHash);
}
