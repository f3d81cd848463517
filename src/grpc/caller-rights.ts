/** Who calls, and what he may do: the same checks as over HTTP. */

import type { Access } from '../access/access.ts';
import { checkDatabaseRight, type Rights } from '../access/rights.ts';
import type { ApiCall } from '../rpc/api/serve.ts';

/** @throws CitadelError `unauthorized`, `overloaded` */
export function identify(access: Access, { authorization, address }: ApiCall): Promise<Rights> {
  return access.identify({ urlUser: '', urlPassword: '', authorization, address });
}

/** The rights to a table are those to the database of its name. @throws CitadelError `forbidden` and those of `identify` */
export async function checkCaller(
  access: Access,
  call: ApiCall,
  right: 'READ' | 'WRITE',
  database: string,
): Promise<void> {
  if (!access.isEnabled) return;
  checkDatabaseRight(await identify(access, call), right, database);
}
