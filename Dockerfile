# One image for every service, the command line and the replicator: which it is, the command says (docker-compose.yml).
# The first stage has everything and builds; the last has what runs: production dependencies and dist.
# The base is the very Node that package.json pins for everyone else, so its own copies (optional) are left out.

FROM node:24.21.0-slim AS build
WORKDIR /meridian
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.base.json ./
COPY apps apps
COPY libs libs
COPY bench bench
COPY infra infra
# `prepare` in package.json builds, so the sources are there before.
RUN --mount=type=cache,target=/root/.npm npm ci --omit=optional
# No lifecycle script runs here; what the first install built for this platform stays.
RUN npm prune --omit=dev --omit=optional --ignore-scripts && rm -rf apps/*/src libs/*/src infra/*/src

FROM node:24.21.0-slim
ENV NODE_ENV=production
WORKDIR /meridian
COPY LICENSE package.json ./
COPY --from=build /meridian/node_modules node_modules
COPY --from=build /meridian/apps apps
COPY --from=build /meridian/libs libs
COPY --from=build /meridian/infra infra
# For who keeps something, the replicator: a new volume takes over whose the folder is.
RUN install --directory --owner=node data
USER node
# Of the services; what is none of them says in docker-compose.yml how it is.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.MERIDIAN_PORT ?? 8080) + '/health/ready').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node"]
CMD ["apps/cli/bin/meridian.js", "--help"]
