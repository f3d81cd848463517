/** HTTP to a running node, with failures said in one line. */

/** The node could not be asked, or refused: one clear line and exit status 1. */
export class CommandError extends Error {}

const patienceMs = 15_000;

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (error.name === 'TimeoutError') return `no answer in ${patienceMs / 1000} s`;
  return cause instanceof Error ? cause.message || String(cause) : error.message;
}

async function get(
  url: string,
  path: string,
  signal?: AbortSignal,
  method: 'GET' | 'POST' = 'GET',
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`${url}${path}`, { method, ...(signal && { signal }) });
  } catch (error) {
    throw new CommandError(`cannot reach ${url}: ${reasonOf(error)}; say where with -url`);
  }
  if (response.ok) return response;
  const text = (await response.text()).trim().slice(0, 300);
  throw new CommandError(`cannot ask ${url}: it answered ${response.status} ${text}`);
}

/** @throws CommandError */
export function getJson<T>(url: string, path: string): Promise<T> {
  return askJson(url, path, 'GET');
}

/** @throws CommandError */
export async function askJson<T>(url: string, path: string, method: 'GET' | 'POST'): Promise<T> {
  const response = await get(url, path, AbortSignal.timeout(patienceMs), method);
  try {
    return (await response.json()) as T;
  } catch (error) {
    throw new CommandError(`cannot read the answer of ${url}: ${reasonOf(error)}`);
  }
}

/** One value per line, as lines come. @throws CommandError when the stream breaks */
export async function* getJsonLines<T>(url: string, path: string): AsyncGenerator<T> {
  const response = await get(url, path);
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const bytes of response.body ?? []) {
      rest += decoder.decode(bytes as Uint8Array, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line) as T;
    }
  } catch (error) {
    throw new CommandError(`the answer of ${url} broke off: ${reasonOf(error)}`);
  }
}
