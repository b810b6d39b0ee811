// Introduces a person with one picture, and says who is on another: recognise.ts NAME PORTRAIT PICTURE
import { openAsBlob } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { FacefleetClient } from 'facefleet/client';

const [name, portrait, picture] = process.argv.slice(2);
if (name === undefined || portrait === undefined || picture === undefined) {
  throw new Error('usage: recognise.ts NAME PORTRAIT PICTURE');
}
const client = new FacefleetClient({
  url: process.env.FACEFLEET_URL ?? 'http://127.0.0.1:3001',
  apiKey: process.env.FACEFLEET_KEY,
});

const { person } = await client.createPerson({ name });
const { pictures } = await client.addFaces(person.id, [await openAsBlob(portrait)]);
for (const { verdict, message } of pictures) console.log(`${name}: ${verdict}, ${message}`);

// A change is seen by every worker within two seconds.
await sleep(2000);
const { faces } = await client.recognise(await openAsBlob(picture));
for (const { person: seen, similarity } of faces) console.log(seen?.name ?? 'unknown', similarity);
