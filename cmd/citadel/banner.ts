/** What a person at a terminal sees once the server is up: where it is and what to try. */

export function renderBanner(version: string, httpUrl: string, dataDir: string): string {
  return `
Citadel ${version} is ready at ${httpUrl}
Data is in ${dataDir}

  curl -X POST '${httpUrl}/create?db=mydb'
  curl -X POST '${httpUrl}/write?db=mydb' --data-binary 'cpu,host=a load=0.5'
  curl -G '${httpUrl}/query?db=mydb' --data-urlencode 'q=SELECT * FROM cpu'

Ctrl-C stops it.
`;
}
