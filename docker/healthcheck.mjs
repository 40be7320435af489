// Whether the server of this container is alive, by its own settings: exit code 0 or 1. For HEALTHCHECK.
import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';
import { loadConfig } from '../dist/config.js';

const TIMEOUT_MS = 4000;
const { host, port, tls } = loadConfig().server;
const isTls = tls !== undefined && tls.cert !== '';
const get = isTls ? httpsGet : httpGet;
const everyAddress = host === '0.0.0.0' || host === '::';
const request = get(
  // Its own certificate is not judged: the question is whether it answers.
  { host: everyAddress ? '127.0.0.1' : host, port, path: '/healthz', timeout: TIMEOUT_MS, rejectUnauthorized: false },
  ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1),
);
request.on('timeout', () => request.destroy());
request.on('error', () => process.exit(1));
