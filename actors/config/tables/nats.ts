/**
 * Our own part of a node's configuration: how it reaches NATS. Kafka knows none of these names.
 *
 * Columns: name, type, how it is updated, default, valid values; `-` where a cell is empty.
 */
export const natsTable = `
nats.servers        list      read-only  nats://127.0.0.1:4222
nats.user           string    read-only  null
nats.password       password  read-only  null
nats.token          password  read-only  null
nats.tls.ca.file    string    read-only  null
nats.tls.cert.file  string    read-only  null
nats.tls.key.file   string    read-only  null
`
