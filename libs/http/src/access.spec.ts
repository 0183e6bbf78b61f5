import type { Scope } from '@meridian/ledger';
import { tenantOf } from './access';
import type { Caller } from './api-keys';

function caller(tenant: string): Caller {
  return { keyId: '0', tenant, scopes: new Set<Scope>(['read']) };
}

describe('tenantOf', () => {
  it('is the own tenant of a tenant key, whether it is named or not', () => {
    expect(tenantOf(caller('acme'), {})).toBe('acme');
    expect(tenantOf(caller('acme'), { path: 'acme', header: 'acme' })).toBe('acme');
  });

  it('is the tenant that a platform key names, by path, header or body', () => {
    expect(tenantOf(caller('*'), { path: 'acme' })).toBe('acme');
    expect(tenantOf(caller('*'), { header: 'acme' })).toBe('acme');
    expect(tenantOf(caller('*'), { body: { tenant: 'acme', pointer: '/scope/tenant' } })).toBe('acme');
  });

  it.each([
    ['another tenant in the path', 'acme', { path: 'other' }, 'tenant_forbidden'],
    ['another tenant in the header', 'acme', { header: 'other' }, 'tenant_forbidden'],
    ['two tenants at once', '*', { path: 'acme', header: 'other' }, 'tenant_forbidden'],
    ['no tenant for a platform key', '*', {}, 'tenant_required'],
    ['a malformed tenant', '*', { header: 'a b' }, 'tenant_invalid'],
    ['the platform itself', '*', { header: '*' }, 'tenant_invalid'],
    ['the header twice', '*', { header: ['acme', 'acme'] }, 'tenant_invalid'],
  ])('refuses %s', (_what, tenant, named, code) => {
    expect(() => tenantOf(caller(tenant), named)).toThrow(expect.objectContaining({ code }) as Error);
  });
});
