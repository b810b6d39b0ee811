/** What becomes an element: text, a structure of elements, or a list, whose members EC2 calls `item`. */
export type XmlValue = string | number | boolean | Date | undefined | XmlStructure | readonly XmlValue[];

export interface XmlStructure {
  readonly [name: string]: XmlValue;
}

/** The elements of a structure; an undefined one is left out, an empty list is an empty element. */
export function toXml(structure: XmlStructure): string {
  return Object.entries(structure)
    .map(([name, value]) => (value === undefined ? '' : `<${name}>${content(value)}</${name}>`))
    .join('');
}

function content(value: XmlValue): string {
  if (value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (isList(value)) return value.map((item) => `<item>${content(item)}</item>`).join('');
  return typeof value === 'object' ? toXml(value) : escaped(String(value));
}

function isList(value: XmlValue): value is readonly XmlValue[] {
  return Array.isArray(value);
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
