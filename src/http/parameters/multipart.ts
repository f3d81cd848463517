/**
 * Forms as multipart/form-data, the little that clients use: named parts, read as text, whether they
 * came as a field or as a file. Anything malformed is left out.
 */

const boundaryPattern = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i;
const namePattern = /^content-disposition:[^\r\n]*;\s*name=(?:"([^"]*)"|([^\s;]+))/im;

export function findFormPart(body: Buffer, mediaType: string): URLSearchParams {
  const form = new URLSearchParams();
  const match = boundaryPattern.exec(mediaType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) return form;
  // One character a byte, so that positions in the text are positions in the body.
  const text = `\r\n${body.toString('latin1')}`;
  const parts = text.split(`\r\n--${boundary}`).slice(1);
  for (const part of parts) {
    if (part.startsWith('--')) break;
    const end = part.indexOf('\r\n\r\n');
    const name = end === -1 ? null : namePattern.exec(part.slice(0, end));
    if (name === null) continue;
    const value = Buffer.from(part.slice(end + 4), 'latin1').toString('utf8');
    form.append(name[1] ?? name[2] ?? '', value);
  }
  return form;
}
