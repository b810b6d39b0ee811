# For those who want one; nothing here needs it. Data lives in the volume, give the service an API key:
#   docker build -t facefleet . && docker run -p 3001:3001 -v facefleet:/data -e FACEFLEET_API_KEYS=change-me facefleet

# The page is bundled with what only development needs, and taken over built.
FROM node:24-slim AS page
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build:page

FROM node:24-slim
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev
COPY . .
COPY --from=page /app/dist/ui ./dist/ui
RUN mkdir /data && chown node:node /data
USER node
ENV FACEFLEET_DATA_DIR=/data FACEFLEET_HOST=0.0.0.0
VOLUME /data
EXPOSE 3001
STOPSIGNAL SIGTERM
CMD ["node", "bin/facefleet.js", "up"]
