/**
 * Users who prove with their password who they are.
 *
 * Passwords are slow to check on purpose (some 50 ms on the thread pool, which the disk needs too), so what was
 * right is remembered, and only a few are checked at a time.
 *
 * Invariants
 *  - What is remembered is a keyed digest, beside the stored hash it was found right for: a new password, a
 *    dropped user and one made anew under the name end it at once, on every node that hears of the change.
 *  - Nothing is remembered of wrong passwords, and an unknown user costs as much time as a wrong password.
 */

import { CitadelError } from '../base/errors.ts';
import type { Clock, Passwords } from '../env/env.ts';
import type { AdminView, User } from '../metadata/admin-view.ts';
import { FailureLimits } from './failure-limits.ts';

/** Users whose password was right lately. */
const rememberedMax = 4096;
/** Half of the threads that file work shares with this. */
const checksMax = 2;
/** Logins that wait for a check; at some 50 ms each the last one waits for a few seconds. */
const waitingMax = 128;

interface Remembered {
  readonly passwordHash: string;
  readonly fingerprint: string;
}

export interface PasswordLoginParts {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly passwords: Passwords;
  readonly users: () => AdminView;
  /** The stored hash of a password that nobody has. */
  readonly decoyHash: string;
}

export class PasswordLogin {
  readonly #parts: PasswordLoginParts;
  readonly #limits: FailureLimits;
  /** By id of the user; the one used longest ago comes first. */
  readonly #remembered = new Map<string, Remembered>();
  /** Checks under way, so that who asks the same at the same time shares one. */
  readonly #checks = new Map<string, Promise<boolean>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(parts: PasswordLoginParts) {
    this.#parts = parts;
    this.#limits = new FailureLimits(parts.clock);
  }

  /**
   * Undefined = no such user, or a wrong password.
   *
   * @throws CitadelError `overloaded`, `corrupt`
   */
  async login(name: string, password: string, address: string): Promise<User | undefined> {
    const { passwords, users } = this.#parts;
    const user = users().user(name);
    const fingerprint = passwords.fingerprint([name, password]);
    if (user !== undefined && this.#remembers(user, fingerprint)) return user;
    const stored = user?.passwordHash ?? this.#parts.decoyHash;
    const check = `${fingerprint} ${stored}`;
    let checking = this.#checks.get(check);
    if (checking === undefined) {
      checking = this.#check(password, stored, { address, name }).finally(() => {
        this.#checks.delete(check);
      });
      this.#checks.set(check, checking);
    }
    const isRight = await checking;
    if (!isRight || user === undefined) return undefined;
    const current = users().user(name);
    if (current?.id !== user.id || current.passwordHash !== stored) return undefined;
    this.#remember(current, fingerprint);
    return current;
  }

  #remembers({ id, passwordHash }: User, fingerprint: string): boolean {
    const known = this.#remembered.get(id);
    if (known?.passwordHash !== passwordHash) {
      this.#remembered.delete(id);
      return false;
    }
    // A digest under a key of this process tells nothing about the other one by how long it compares.
    if (known.fingerprint !== fingerprint) return false;
    this.#remembered.delete(id);
    this.#remembered.set(id, known);
    return true;
  }

  #remember({ id, passwordHash }: User, fingerprint: string): void {
    this.#remembered.delete(id);
    this.#remembered.set(id, { passwordHash, fingerprint });
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= rememberedMax) return;
      this.#remembered.delete(oldest);
    }
  }

  async #check(
    password: string,
    stored: string,
    { address, name }: { readonly address: string; readonly name: string },
  ): Promise<boolean> {
    this.#limits.begin(address, name);
    try {
      await this.#enter();
    } catch (error) {
      this.#limits.succeeded(address, name);
      throw error;
    }
    try {
      const isRight = await this.#parts.passwords.verify(password, stored);
      if (isRight) this.#limits.succeeded(address, name);
      return isRight;
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < checksMax) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= waitingMax) {
      throw new CitadelError('overloaded', 'too many logins at once: try again');
    }
    // Whoever leaves hands its place over.
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
