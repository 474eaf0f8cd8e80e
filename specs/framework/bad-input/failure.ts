import { VfioError } from '../../../lib/guest/vfio/errors.js';

/** The error with which an operation of the guest's VFIO tool fails. @throws Error when it does not, or not with a VfioError */
export async function vfioFailure(operation: Promise<unknown>): Promise<VfioError> {
  const error = await operation.then(
    () => new Error('the operation succeeded, though it should have failed'),
    (cause: unknown) => cause,
  );
  if (error instanceof VfioError) return error;
  throw error;
}
