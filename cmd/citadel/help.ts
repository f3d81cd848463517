/** The text of `citadel --help`, made from the table of settings so that it cannot go stale. */

import { renderFlag } from '../flags/wrap-text.ts';
import { listCommands } from './commands/commands.ts';
import type { Machine } from './settings/setting.ts';
import { environmentName, type SettingName, settingNames, settings } from './settings.ts';

const intro = `citadel: a time-series database that speaks InfluxDB 1.x over HTTP

Usage: citadel [-flag value]...             start a node
       citadel COMMAND [-flag value]...     ask a running one

Commands (citadel COMMAND -help says more)
${listCommands().join('\n')}

Flags take one dash or two, and a space or "=" before the value. Each can also be an environment
variable (CITADEL_ and the name in capitals, such as ${environmentName('max-body-size')}) or a key
of a TOML file (-config). The command line wins over the environment, that over the file.`;

const outro = `Other
  -config FILE                  TOML file with the names above as keys (CITADEL_CONFIG)
  -help, -h                     this text
  -version, -v                  the version

Examples
  citadel                                     start on http://127.0.0.1:7086
  citadel -http :8086 -db /var/lib/citadel    InfluxDB's port, on all addresses
  citadel -kvstore http://e1:2379 -grpc :7087 -http :7086
                                              a node of the cluster that etcd on e1 keeps

Try it
  curl -X POST 'http://127.0.0.1:7086/create?db=mydb'
  curl -X POST 'http://127.0.0.1:7086/write?db=mydb' --data-binary 'cpu,host=a load=0.5'
  curl -G 'http://127.0.0.1:7086/query?db=mydb' --data-urlencode 'q=SELECT * FROM cpu'

Exit status: 0 after a clean stop, 1 when it cannot start, 2 for a bad flag or value, 70 for a
defect in the program.
`;

function renderSetting(name: SettingName, machine: Machine): string[] {
  const { value, help, shownDefault, fallback } = settings[name];
  return renderFlag(`-${name} ${value}`, `${help} [${shownDefault ?? fallback(machine)}]`);
}

export function renderHelp(machine: Machine): string {
  const groups = [...new Set(settingNames.map((name) => settings[name].group))];
  const sections = groups.map((group) => {
    const members = settingNames.filter((name) => settings[name].group === group);
    return [group, ...members.flatMap((name) => renderSetting(name, machine))].join('\n');
  });
  return [intro, ...sections, outro].join('\n\n');
}
