import { MeridianError } from '@meridian/accounting';

/** Codes of `FaultsError`. */
export const FAULTS_ERROR_CODES = ['faults_usage', 'faults_not_possible', 'faults_no_answer', 'faults_not_as_expected'] as const;
export type FaultsErrorCode = (typeof FAULTS_ERROR_CODES)[number];

/**
 * - `faults_usage`: an option makes no sense.
 * - `faults_not_possible`: this machine cannot do what a fault needs; the message says what is missing.
 * - `faults_no_answer`: a service did not answer, or refused.
 * - `faults_not_as_expected`: while or after a fault the product did not do what it promises.
 */
export class FaultsError extends MeridianError {
  declare readonly code: FaultsErrorCode;

  constructor(code: FaultsErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(code, message, false, options);
  }
}
