/**
 * Graphite templates: which part of a dotted name is the measurement, a tag or the field. Pure; the rules,
 * odd ones included, are those of InfluxDB's [[graphite]].
 */

import { CitadelError } from '../../base/errors.ts';

export interface NamedPoint {
  /** '' = the template takes none from this name. */
  readonly measurement: string;
  readonly tags: ReadonlyMap<string, string>;
  /** '' = `value`. */
  readonly field: string;
}

type Tag = readonly [key: string, value: string];

/** One line of configuration, taken apart. */
export interface TemplateLine {
  /** '' = for every name that no other template has. */
  readonly filter: string;
  readonly template: string;
  readonly tags: readonly Tag[];
}

function refuse(message: string): CitadelError {
  return new CitadelError('invalid-argument', message);
}

/** @throws CitadelError `invalid-argument` */
export function readTag(text: string): Tag {
  const [key = '', value = '', ...more] = text.split('=');
  if (key === '' || value === '' || more.length > 0) {
    throw refuse(`invalid template tags: '${text}'`);
  }
  return [key, value];
}

function checkFilter(filter: string): void {
  for (const part of filter.split('.')) {
    if (part === '') throw refuse(`filter contains blank section: ${filter}`);
    if (part !== '*' && part.includes('*')) {
      throw refuse(`invalid filter wildcard section: ${filter}`);
    }
  }
}

function checkTemplate(template: string): void {
  const parts = template.split('.');
  if (!parts.includes('measurement') && !parts.includes('measurement*')) {
    throw refuse(`no measurement in template \`${template}\``);
  }
  if (parts.includes('measurement*') && parts.includes('field*')) {
    throw refuse(
      `either 'field*' or 'measurement*' can be used in each template (but not both together): "${template}"`,
    );
  }
}

/** `[filter] template [key=value,...]` @throws CitadelError `invalid-argument` in InfluxDB's words */
export function readTemplateLine(line: string): TemplateLine {
  const parts = line.split(/\s+/).filter((part) => part !== '');
  const [first = '', second] = parts;
  if (first === '') throw refuse('missing template');
  if (parts.length > 3) throw refuse(`invalid template format: '${line}'`);
  const hasFilter = second !== undefined && !second.includes('=');
  const template = hasFilter ? second : first;
  const tags = hasFilter ? parts[2] : second;
  checkTemplate(template);
  if (hasFilter) checkFilter(first);
  if (parts.length === 3 && !hasFilter) throw refuse(`invalid template format: '${line}'`);
  return {
    filter: hasFilter ? first : '',
    template,
    tags: tags === undefined ? [] : tags.split(',').map(readTag),
  };
}

class Template {
  readonly #parts: readonly string[];
  readonly #tags: readonly Tag[];
  readonly #separator: string;

  constructor({ template, tags }: Pick<TemplateLine, 'template' | 'tags'>, separator: string) {
    this.#parts = template.split('.');
    this.#tags = tags;
    this.#separator = separator;
  }

  /** Undefined = the name has two fields. */
  apply(name: string): NamedPoint | undefined {
    const pieces = name.split('.');
    const measurement: string[] = [];
    const tags = new Map<string, string[]>(this.#tags.map(([key, value]) => [key, [value]]));
    let field = '';
    for (const [i, part] of this.#parts.entries()) {
      const piece = pieces[i];
      if (piece === undefined) break;
      if (part === 'measurement*') {
        measurement.push(...pieces.slice(i));
        break;
      }
      if (part === 'field*') {
        field = pieces.slice(i).join(this.#separator);
        break;
      }
      if (part === 'measurement') measurement.push(piece);
      else if (part === 'field') {
        if (field !== '') return undefined;
        field = piece;
      } else if (part !== '') tags.set(part, [...(tags.get(part) ?? []), piece]);
    }
    const joined = [...tags].map(([key, values]) => [key, values.join(this.#separator)] as const);
    return { measurement: measurement.join(this.#separator), tags: new Map(joined), field };
  }
}

/** A part of a filter. What has no template of its own stands for no name. */
class FilterNode {
  readonly #children = new Map<string, FilterNode>();
  #template: Template | undefined;

  insert(parts: readonly string[], template: Template): void {
    const [part, ...rest] = parts;
    if (part === undefined) {
      this.#template = template;
      return;
    }
    let child = this.#children.get(part);
    if (child === undefined) {
      child = new FilterNode();
      // A wildcard takes over what the shorter filter before it said.
      if (part === '*') child.#template = this.#template;
      this.#children.set(part, child);
    }
    child.insert(rest, template);
  }

  /** A part that has its name in the filter never tries the wildcard, even when it finds nothing further on. */
  search(pieces: readonly string[], at = 0): Template | undefined {
    const piece = pieces[at];
    if (piece === undefined) return this.#template;
    const child = this.#children.get(piece) ?? this.#children.get('*');
    return child === undefined ? this.#template : child.search(pieces, at + 1);
  }
}

export class GraphiteTemplates {
  readonly #root = new FilterNode();
  #fallback: Template;
  readonly #tags: readonly Tag[];

  /** @throws CitadelError `invalid-argument` */
  constructor(lines: readonly string[], tags: readonly string[], separator: string) {
    this.#fallback = new Template({ template: 'measurement*', tags: [] }, '.');
    this.#tags = tags.map(readTag);
    const filters = new Set<string>();
    for (const [i, line] of lines.entries()) {
      const read = readTemplateLine(line);
      if (filters.has(read.filter)) {
        throw refuse(`duplicate filter '${read.filter}' found at position: ${i}`);
      }
      filters.add(read.filter);
      const template = new Template(read, separator);
      if (read.filter === '') this.#fallback = template;
      else this.#root.insert(read.filter.split('.'), template);
    }
  }

  /** Undefined = the name does not fit its template. */
  apply(name: string): NamedPoint | undefined {
    const template = this.#root.search(name.split('.')) ?? this.#fallback;
    const point = template.apply(name);
    if (point === undefined) return undefined;
    const tags = new Map(this.#tags);
    for (const [key, value] of point.tags) tags.set(key, value);
    return { measurement: point.measurement || name, tags, field: point.field || 'value' };
  }
}
