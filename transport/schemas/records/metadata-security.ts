/**
 * Metadata records about who may do what, and how much of it: access control, credentials,
 * tokens, quotas.
 */
import { record } from '../../protocol/record.ts'
import {
  array,
  boolean,
  bytes,
  float64,
  int8,
  int32,
  millis,
  nullable,
  string,
  uuid,
} from '../../protocol/schema.ts'

/** An access control entry. */
export const AccessControlEntryRecord = record(
  { name: 'AccessControlEntryRecord', key: 18, versions: [0, 0], flexible: 0 },
  {
    id: uuid,
    resourceType: int8,
    resourceName: string,
    patternType: int8,
    principal: string,
    host: string,
    operation: int8,
    permissionType: int8,
  },
)

/** An access control entry is gone. */
export const RemoveAccessControlEntryRecord = record(
  { name: 'RemoveAccessControlEntryRecord', key: 19, versions: [0, 0], flexible: 0 },
  { id: uuid },
)

/** A user's SCRAM credential. */
export const UserScramCredentialRecord = record(
  { name: 'UserScramCredentialRecord', key: 11, versions: [0, 0], flexible: 0 },
  {
    name: string,
    mechanism: int8,
    salt: bytes,
    storedKey: bytes,
    serverKey: bytes,
    iterations: int32,
  },
)

/** A user's SCRAM credential is gone. */
export const RemoveUserScramCredentialRecord = record(
  { name: 'RemoveUserScramCredentialRecord', key: 22, versions: [0, 0], flexible: 0 },
  { name: string, mechanism: int8 },
)

/** A delegation token exists, or lives longer. */
export const DelegationTokenRecord = record(
  { name: 'DelegationTokenRecord', key: 10, versions: [0, 0], flexible: 0 },
  {
    owner: string,
    requester: string,
    renewers: array(string),
    issueTimestamp: millis,
    maxTimestamp: millis,
    expirationTimestamp: millis,
    tokenId: string,
  },
)

/** A delegation token is gone. */
export const RemoveDelegationTokenRecord = record(
  { name: 'RemoveDelegationTokenRecord', key: 26, versions: [0, 0], flexible: 0 },
  { tokenId: string },
)

/** One client quota is set or removed. */
export const ClientQuotaRecord = record(
  { name: 'ClientQuotaRecord', key: 14, versions: [0, 0], flexible: 0 },
  {
    entity: array({ entityType: string, entityName: nullable(string) }),
    key: string,
    value: float64,
    remove: boolean,
  },
)
