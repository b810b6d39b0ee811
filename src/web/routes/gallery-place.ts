import { type TObject, type TOptional, type TProperties, type TString, Type } from 'typebox';

/** Where the operations of a gallery are: the default one's right below `/v1`, the others' below their name. */
export interface GalleryPlace {
  readonly isNamed: boolean;
  path(rest: string): string;
  id(operation: string): string;
  params<P extends TProperties>(properties: P): TObject<P & { gallery: TOptional<TString> }>;
}

const Gallery = Type.Optional(Type.String({ description: 'Name of the gallery' }));

export const DEFAULT_PLACE: GalleryPlace = {
  isNamed: false,
  path: (rest) => `/v1${rest}`,
  id: (operation) => operation,
  // The default gallery has no such parameter; handlers find it undefined.
  params: <P extends TProperties>(properties: P) =>
    Type.Object(properties) as unknown as TObject<P & { gallery: TOptional<TString> }>,
};

export const NAMED_PLACE: GalleryPlace = {
  isNamed: true,
  path: (rest) => `/v1/galleries/{gallery}${rest}`,
  id: (operation) => `${operation}InGallery`,
  params: <P extends TProperties>(properties: P) =>
    Type.Object({ gallery: Gallery, ...properties }) as unknown as TObject<
      P & { gallery: TOptional<TString> }
    >,
};
