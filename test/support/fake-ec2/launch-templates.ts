import { Ec2Error } from './ec2-error.ts';
import { newId } from './hypervisor.ts';
import { type LaunchData, readLaunchData, readTags } from './launch-data.ts';
import type { Query } from './query.ts';
import type { XmlStructure } from './xml.ts';

interface Template {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly tags: ReadonlyMap<string, string>;
  readonly versions: LaunchData[];
  defaultVersion: number;
}

export interface FoundTemplate {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly data: LaunchData;
}

/** Launch templates: numbered versions that never change, one of which is the default. */
export class LaunchTemplates {
  readonly #templates: Template[] = [];

  create(query: Query): XmlStructure {
    const name = query.required('LaunchTemplateName');
    query.text('ClientToken');
    query.text('VersionDescription');
    if (this.#templates.some((one) => one.name === name)) {
      throw new Ec2Error(
        'InvalidLaunchTemplateName.AlreadyExistsException',
        'Launch template name already in use.',
      );
    }
    const template: Template = {
      id: newId('lt'),
      name,
      createdAt: new Date(),
      tags: readTags(query, 'launch-template'),
      versions: [readLaunchData(query.group('LaunchTemplateData'))],
      defaultVersion: 1,
    };
    this.#templates.push(template);
    return { launchTemplate: described(template) };
  }

  createVersion(query: Query): XmlStructure {
    const template = this.#find(query);
    query.text('ClientToken');
    query.text('VersionDescription');
    const source = query.text('SourceVersion');
    const base = source === undefined ? { tags: new Map() } : this.#version(template, source).data;
    template.versions.push({ ...base, ...readLaunchData(query.group('LaunchTemplateData')) });
    return { launchTemplateVersion: versionOf(template, template.versions.length) };
  }

  modify(query: Query): XmlStructure {
    const template = this.#find(query);
    const version = query.text('SetDefaultVersion') ?? query.text('DefaultVersion');
    query.text('ClientToken');
    if (version !== undefined) template.defaultVersion = this.#version(template, version).version;
    return { launchTemplate: described(template) };
  }

  delete(query: Query): XmlStructure {
    const template = this.#find(query);
    this.#templates.splice(this.#templates.indexOf(template), 1);
    return { launchTemplate: described(template) };
  }

  describe(query: Query): XmlStructure {
    const ids = query.texts('LaunchTemplateId');
    const names = query.texts('LaunchTemplateName');
    for (const id of ids) this.#byId(id);
    for (const name of names) this.#byName(name);
    const found = this.#templates.filter(({ id, name }) => {
      if (ids.length > 0 || names.length > 0) return ids.includes(id) || names.includes(name);
      return true;
    });
    return { launchTemplates: found.map(described) };
  }

  describeVersions(query: Query): XmlStructure {
    const template = this.#find(query);
    const asked = query.texts('LaunchTemplateVersion');
    const all = template.versions.map((_, index) => String(index + 1));
    const wanted = asked.length === 0 ? all : asked;
    return {
      launchTemplateVersionSet: wanted.map((one) =>
        versionOf(template, this.#version(template, one).version),
      ),
    };
  }

  /** As a launch names it: `LaunchTemplateId` or `LaunchTemplateName`, and `Version` (a number, `$Default`, `$Latest`). */
  resolve(query: Query): FoundTemplate {
    return this.#version(this.#find(query), query.text('Version') ?? '$Default');
  }

  #find(query: Query): Template {
    const id = query.text('LaunchTemplateId');
    const name = query.text('LaunchTemplateName');
    if ((id === undefined) === (name === undefined)) {
      throw new Ec2Error(
        'MissingParameter',
        'Either the launch template ID or the launch template name must be specified, and not both.',
      );
    }
    return id === undefined ? this.#byName(name ?? '') : this.#byId(id);
  }

  #byId(id: string): Template {
    const template = this.#templates.find((one) => one.id === id);
    if (template !== undefined) return template;
    throw new Ec2Error(
      'InvalidLaunchTemplateId.NotFound',
      `The specified launch template, with template ID ${id}, does not exist.`,
    );
  }

  #byName(name: string): Template {
    const template = this.#templates.find((one) => one.name === name);
    if (template !== undefined) return template;
    throw new Ec2Error(
      'InvalidLaunchTemplateName.NotFoundException',
      `The specified launch template, with template name ${name}, does not exist.`,
    );
  }

  #version(template: Template, asked: string): FoundTemplate {
    const { id, name, versions, defaultVersion } = template;
    const version =
      asked === '$Latest' ? versions.length : asked === '$Default' ? defaultVersion : Number(asked);
    const data = versions[version - 1];
    if (data === undefined) {
      throw new Ec2Error(
        'InvalidLaunchTemplateId.VersionNotFound',
        `Could not find the specified version ${asked} for the launch template with ID ${id}.`,
      );
    }
    return { id, name, version, data };
  }
}

function described({ id, name, createdAt, tags, versions, defaultVersion }: Template): XmlStructure {
  return {
    launchTemplateId: id,
    launchTemplateName: name,
    createTime: createdAt,
    createdBy: 'arn:aws:iam::123456789012:user/fake',
    defaultVersionNumber: defaultVersion,
    latestVersionNumber: versions.length,
    tagSet: tagSet(tags),
  };
}

function versionOf(template: Template, version: number): XmlStructure {
  const data = template.versions[version - 1]!;
  return {
    launchTemplateId: template.id,
    launchTemplateName: template.name,
    versionNumber: version,
    createTime: template.createdAt,
    defaultVersion: template.defaultVersion === version,
    launchTemplateData: {
      imageId: data.imageId,
      instanceType: data.instanceType,
      instanceInitiatedShutdownBehavior: data.onShutdown,
      userData: data.userData && Buffer.from(data.userData).toString('base64'),
      iamInstanceProfile: data.profile === undefined ? undefined : { name: data.profile },
      securityGroupIdSet: data.securityGroupIds,
      metadataOptions: {
        httpTokens: data.areTokensRequired === true ? 'required' : 'optional',
        instanceMetadataTags: data.areTagsInMetadata === true ? 'enabled' : 'disabled',
      },
    },
  };
}

export function tagSet(tags: ReadonlyMap<string, string>): XmlStructure[] {
  return [...tags].map(([key, value]) => ({ key, value }));
}
