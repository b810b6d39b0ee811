import {
  DeleteObjectsCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
} from '@aws-sdk/client-s3';
import { storedKey } from '../../portable-key.ts';
import { type BucketCalls, isNotImplemented } from './bucket-calls.ts';

interface Version {
  readonly versionId: string;
  readonly isLatest: boolean;
  /** Of a deletion: in a bucket with versions it only hides what was there. */
  readonly isMarker: boolean;
}

/**
 * Removes all versions of an object but the present one; where the present one is a deletion's marker, that too, last,
 * so that nothing it hides comes to light. What is former once stays so: writers beside it lose nothing.
 */
export async function deleteFormerVersions(calls: BucketCalls, key: string): Promise<void> {
  const versions = await listVersions(calls, key);
  const former = versions.filter(({ isLatest }) => !isLatest);
  const marker = versions.filter(({ isLatest, isMarker }) => isLatest && isMarker);
  for (const some of [...inGroups(former), marker]) await deleteVersions(calls, key, some);
}

/** A store that knows no versions has none. */
async function listVersions(calls: BucketCalls, key: string): Promise<Version[]> {
  const name = storedKey(key);
  const versions: Version[] = [];
  for (let next: { key?: string; version?: string } | undefined = {}; next !== undefined; ) {
    const from: { key?: string; version?: string } = next;
    const page = await versionsPage(calls, key, from);
    for (const [entries, isMarker] of [
      [page.Versions ?? [], false],
      [page.DeleteMarkers ?? [], true],
    ] as const) {
      for (const { Key, VersionId, IsLatest } of entries) {
        if (Key !== name || VersionId === undefined) continue;
        versions.push({ versionId: VersionId, isLatest: IsLatest === true, isMarker });
      }
    }
    // The key itself comes before all longer ones that begin with it.
    const goesOn = page.IsTruncated === true && page.NextKeyMarker === name;
    next = goesOn ? definedOf(page.NextKeyMarker, page.NextVersionIdMarker) : undefined;
  }
  return versions;
}

async function versionsPage(
  calls: BucketCalls,
  key: string,
  from: { key?: string; version?: string },
): Promise<Partial<ListObjectVersionsCommandOutput>> {
  const command = {
    Bucket: calls.bucket,
    Prefix: storedKey(key),
    ...(from.key !== undefined && { KeyMarker: from.key }),
    ...(from.version !== undefined && { VersionIdMarker: from.version }),
  };
  return calls.run({ action: 's3:ListBucketVersions', key }, async () => {
    try {
      return await calls.client.send(new ListObjectVersionsCommand(command));
    } catch (error) {
      if (isNotImplemented(error)) return {};
      throw error;
    }
  });
}

async function deleteVersions(calls: BucketCalls, key: string, versions: readonly Version[]): Promise<void> {
  if (versions.length === 0) return;
  const Key = storedKey(key);
  const Objects = versions.map(({ versionId }) => ({ Key, VersionId: versionId }));
  await calls.run({ action: 's3:DeleteObjectVersion', key }, async () => {
    const command = { Bucket: calls.bucket, Delete: { Objects, Quiet: true } };
    const { Errors = [] } = await calls.client.send(new DeleteObjectsCommand(command));
    const [first] = Errors.filter(({ Code }) => Code !== 'NoSuchVersion');
    if (first !== undefined) throw refusal(calls, key, first);
  });
}

/** Shaped like what the SDK throws, so that it is translated like any other. */
function refusal(
  calls: BucketCalls,
  key: string,
  { Code, Message }: { Code?: string | undefined; Message?: string | undefined },
): Error {
  const error = new Error(Message ?? `${calls.bucket}/${key}: a version was not deleted`);
  const httpStatusCode = Code === 'AccessDenied' ? 403 : 500;
  return Object.assign(error, { name: Code ?? 'InternalError', $metadata: { httpStatusCode } });
}

/** What S3 deletes in one call. */
const MAX_DELETES = 1000;

function inGroups(versions: readonly Version[]): Version[][] {
  const groups: Version[][] = [];
  for (let at = 0; at < versions.length; at += MAX_DELETES) groups.push(versions.slice(at, at + MAX_DELETES));
  return groups;
}

function definedOf(key: string | undefined, version: string | undefined) {
  return { ...(key !== undefined && { key }), ...(version !== undefined && { version }) };
}
