/** The token for Amazon MSK's IAM: a signed address, from the credentials that the AWS SDK finds. Valid for 15 minutes. */

/** Loaded when it is asked for: the signer brings the SDK's credential providers, which nobody else here needs. */
export async function mskIamToken(region: string): Promise<string> {
  const { generateAuthToken } = await import('aws-msk-iam-sasl-signer-js');
  return (await generateAuthToken({ region })).token;
}
