export type Xml = string | number | boolean | readonly Xml[] | XmlElements;
export interface XmlElements {
  readonly [name: string]: Xml | undefined;
}

/** Elements by name; an array repeats its element. */
export function toXml(elements: XmlElements): string {
  return Object.entries(elements)
    .flatMap(([name, value]) => {
      if (value === undefined) return [];
      const values = Array.isArray(value) ? (value as readonly Xml[]) : [value as Xml];
      return values.map((one) => `<${name}>${contentOf(one)}</${name}>`);
    })
    .join('');
}

function contentOf(value: Xml): string {
  if (typeof value === 'object' && !Array.isArray(value)) return toXml(value as XmlElements);
  return escapeXml(String(value));
}

/** As S3 does, also for characters that no XML may hold, on which clients then fail. */
function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"\p{Cc}]/gu, (character) => `&#x${character.charCodeAt(0).toString(16)};`);
}

/** The texts of all elements of this name, in order, in a document as small and flat as S3's requests. */
export function textsOf(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text]) =>
    unescapeXml(text!),
  );
}

/** The documents within all elements of this name. */
export function elementsOf(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map(([, inner]) => inner!);
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replaceAll(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, named) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return NAMED[named] ?? whole;
  });
}
