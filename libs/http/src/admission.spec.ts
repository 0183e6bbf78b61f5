import { Admission } from './admission';

const LIMITS = { requestsMax: 3, tenantRequestsMax: 2, bytesMax: 100 };

describe('Admission', () => {
  it('lets in up to its bounds, and again when room was given back', () => {
    const admission = new Admission(LIMITS);
    const first = admission.admit('a', 10);
    admission.admit('a', 10);
    expect(() => admission.admit('a', 10)).toThrow(expect.objectContaining({ code: 'tenant_busy' }) as Error);
    admission.admit('b', 10);
    expect(() => admission.admit('c', 10)).toThrow(expect.objectContaining({ code: 'overloaded' }) as Error);
    first.release();
    first.release();
    admission.admit('c', 10);
    expect(() => admission.admit('d', 10)).toThrow(expect.objectContaining({ code: 'overloaded' }) as Error);
  });

  it('counts bytes, gives back what a body did not take, and always lets one in', () => {
    const admission = new Admission(LIMITS);
    const huge = admission.admit('a', 1_000);
    expect(() => admission.admit('b', 1)).toThrow(expect.objectContaining({ code: 'overloaded' }) as Error);
    huge.shrink(90);
    const small = admission.admit('b', 10);
    expect(() => admission.admit('c', 1)).toThrow(expect.objectContaining({ code: 'overloaded' }) as Error);
    small.release();
    admission.admit('c', 10);
  });
});
