/** Chores of the leading controller that rest while there is nothing to do, and are called when there is. */
export const BATCHES = 'batches';
export const WEBHOOKS = 'webhooks';
