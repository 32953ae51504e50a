/** Kafka's reserved ids of log directories (KIP-858): where a replica lies when no directory can be named. */

/** From a broker of a time before directories had ids. */
export const migratingDirectory = 'AAAAAAAAAAAAAAAAAAAAAA'
/** The broker has yet to choose. */
export const unassignedDirectory = 'AAAAAAAAAAAAAAAAAAAAAQ'
/** Gone, or spoiled: who lies here holds nothing that counts. */
export const lostDirectory = 'AAAAAAAAAAAAAAAAAAAAAg'

/** Ids below 100 stand for no directory of any broker. */
export const isReservedDirectory = (id: string): boolean => id.startsWith('AAAAAAAAAAAAAAAAAAAAA')

/** Of a broker that registered these directories. */
export const isOnlineDirectory = (id: string, registered: readonly string[]): boolean =>
  id === migratingDirectory || id === unassignedDirectory || registered.includes(id)
