/** Graphite templates. That they do what InfluxDB's do is compared in test/conformance/listeners.test.ts. */

import { expect, test } from 'vitest';
import { GraphiteTemplates } from '../../../../src/services/listeners/graphite-template.ts';

function apply(name: string, templates: readonly string[], tags: readonly string[] = []) {
  const point = new GraphiteTemplates(templates, tags, '_').apply(name);
  return point && { ...point, tags: Object.fromEntries(point.tags) };
}

test('without a template the name is the measurement', () => {
  expect(apply('a.b.c', [])).toEqual({ measurement: 'a.b.c', tags: {}, field: 'value' });
});

test('the filter that says most of a name decides, wildcards come last', () => {
  const templates = [
    'measurement.a',
    'servers.* .host.measurement*',
    'servers.localhost .host.measurement.field',
    '*.cpu .measurement.rest*',
  ];
  expect(apply('servers.localhost.cpu.load', templates)).toEqual({
    measurement: 'cpu',
    tags: { host: 'localhost' },
    field: 'load',
  });
  expect(apply('servers.web.cpu.load', templates)).toMatchObject({ measurement: 'cpu_load' });
  expect(apply('x.cpu', templates)).toMatchObject({ measurement: 'cpu' });
  expect(apply('x.y', templates)).toMatchObject({ measurement: 'x', tags: { a: 'y' } });
});

test('tags of a template, of the name and of the listener', () => {
  const point = apply('a.b.c', ['.host.measurement region=eu,host=x'], ['host=y', 'zone=1']);
  expect(point).toMatchObject({
    measurement: 'c',
    tags: { host: 'x_b', region: 'eu', zone: '1' },
  });
});

test('a name with two fields fits no template', () => {
  expect(apply('a.b.c', ['measurement.field.field'])).toBeUndefined();
});

test.each([
  ['no measurement', ['host.cpu'], 'no measurement in template `host.cpu`'],
  ['both wildcards', ['measurement*.field*'], "either 'field*' or 'measurement*'"],
  ['a wildcard inside a part', ['a*.b measurement'], 'invalid filter wildcard section: a*.b'],
  ['an empty part', ['a..b measurement'], 'filter contains blank section: a..b'],
  ['too many words', ['a measurement b=c d'], "invalid template format: 'a measurement b=c d'"],
  ['a bad tag', ['a measurement b='], "invalid template tags: 'b='"],
  ['one filter twice', ['a measurement', 'a .measurement'], "duplicate filter 'a' found"],
  ['nothing', [' '], 'missing template'],
])('%s is refused', (_, templates, message) => {
  expect(() => new GraphiteTemplates(templates, [], '.')).toThrow(message);
});
