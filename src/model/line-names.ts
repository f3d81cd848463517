/**
 * Names in line protocol, with exactly the escapes that a reader of InfluxDB's dialect undoes.
 *
 * Some names cannot be written at all: the dialect has no way to end a name with a backslash, or to put
 * one before a delimiter. Undefined then.
 */

/** What no escape can express, per place: see the header. */
const unwritableMeasurement = /^$|^[,#\t\0 \n]|\n|\\[,= "]|\\$/;
const unwritableTag = /^$|\n|\\[,= ]|\\$/;
const unwritableField = /^$|^[\t\0]|\n|\\[,= "\\]|\\$|^time$|"/;

export function measurementInLine(name: string): string | undefined {
  return unwritableMeasurement.test(name) ? undefined : name.replace(/[, ]/g, '\\$&');
}

/** A tag's key or value. */
export function tagInLine(text: string): string | undefined {
  return unwritableTag.test(text) ? undefined : text.replace(/[,= ]/g, '\\$&');
}

export function fieldInLine(name: string): string | undefined {
  return unwritableField.test(name) ? undefined : name.replace(/[,= ]/g, '\\$&');
}
