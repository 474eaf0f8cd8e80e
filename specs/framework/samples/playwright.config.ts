import { defineConfig } from '@playwright/test';

/** Runs the samples: specs that must fail, for the specs that look at how they do. */
export default defineConfig({ testMatch: '*.sample.ts', timeout: 60_000, retries: 0, workers: 1 });
