import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'yaml';
import { packagePath } from '../../support/package-path.js';

// Checks the requirements of the MPI operator's schema, kubeflow.org/v2beta1, and that the parts of the job agree.

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly resources: { readonly limits: Readonly<Record<string, string>> };
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Replicas {
  readonly replicas: number;
  readonly template: {
    readonly spec: {
      readonly containers: readonly Container[];
      readonly volumes?: readonly { readonly name: string }[];
    };
  };
}

interface Job {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly slotsPerWorker: number;
    readonly mpiReplicaSpecs: { readonly Launcher: Replicas; readonly Worker: Replicas };
  };
}

const page = readFileSync(packagePath('docs/guide/several-machines.md'), 'utf8');
const [, text = ''] = /```yaml\n([^]*?)```/.exec(page) ?? [];

describe('the manifest for the MPI operator', () => {
  const job = parse(text, { strict: true, uniqueKeys: true }) as Job;
  const { Launcher, Worker } = job.spec.mpiReplicaSpecs;

  it('is a job with one launcher', () => {
    expect([job.apiVersion, job.kind]).to.deep.equal(['kubeflow.org/v2beta1', 'MPIJob']);
    expect(job.metadata.name).to.match(/^[a-z][a-z0-9-]*$/);
    expect(Object.keys(job.spec.mpiReplicaSpecs)).to.deep.equal(['Launcher', 'Worker']);
    expect(Launcher.replicas).to.equal(1);
  });

  it('starts as many ranks as the workers have slots', () => {
    const [{ command }] = Launcher.template.spec.containers;
    expect(command[0]).to.equal('mpirun');
    expect(Number(command[command.indexOf('-n') + 1])).to.equal(Worker.replicas * job.spec.slotsPerWorker);
  });

  it('has strings as arguments and limits, and mounts only its volumes', () => {
    for (const { template } of [Launcher, Worker]) {
      const { containers, volumes = [] } = template.spec;
      for (const { name, image, command, resources, volumeMounts = [] } of containers) {
        for (const value of [name, image, ...command, ...Object.values(resources.limits)]) {
          expect(value).to.be.a('string');
        }
        expect(Object.keys(resources.limits)).to.include.members(['cpu', 'memory']);
        const names = volumes.map((volume) => volume.name);
        for (const mount of volumeMounts) expect(names).to.include(mount.name);
      }
    }
  });
});
