/**
 * The security half of a node's configuration: Kafka 4.3's names, as facts.
 *
 * Columns: name, type, how it is updated, default, valid values; `-` where a cell is empty.
 */
export const securityTable = `
authorizer.class.name                           string    read-only   ""          non-null string
delegation.token.expiry.check.interval.ms       long      read-only   3600000     [1,...]
delegation.token.expiry.time.ms                 long      read-only   86400000    [1,...]
delegation.token.max.lifetime.ms                long      read-only   604800000   [1,...]
delegation.token.secret.key                     password  read-only   null
principal.builder.class                         class     per-broker  org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder
sasl.client.callback.handler.class              class     read-only   null
sasl.enabled.mechanisms                         list      per-broker  GSSAPI
sasl.jaas.config                                password  per-broker  null
sasl.kerberos.kinit.cmd                         string    per-broker  /usr/bin/kinit
sasl.kerberos.min.time.before.relogin           long      per-broker  60000
sasl.kerberos.principal.to.local.rules          list      per-broker  DEFAULT
sasl.kerberos.service.name                      string    per-broker  null
sasl.kerberos.ticket.renew.jitter               double    per-broker  0.05
sasl.kerberos.ticket.renew.window.factor        double    per-broker  0.8
sasl.login.callback.handler.class               class     read-only   null
sasl.login.class                                class     read-only   null
sasl.login.connect.timeout.ms                   int       read-only   null
sasl.login.read.timeout.ms                      int       read-only   null
sasl.login.refresh.buffer.seconds               short     per-broker  300
sasl.login.refresh.min.period.seconds           short     per-broker  60
sasl.login.refresh.window.factor                double    per-broker  0.8
sasl.login.refresh.window.jitter                double    per-broker  0.05
sasl.login.retry.backoff.max.ms                 long      read-only   10000
sasl.login.retry.backoff.ms                     long      read-only   100
sasl.mechanism.controller.protocol              string    read-only   GSSAPI
sasl.mechanism.inter.broker.protocol            string    per-broker  GSSAPI
sasl.oauthbearer.assertion.algorithm            string    read-only   RS256       (case insensitive) [ES256, RS256]
sasl.oauthbearer.assertion.claim.aud            string    read-only   null
sasl.oauthbearer.assertion.claim.exp.seconds    int       read-only   300         [0,...,86400]
sasl.oauthbearer.assertion.claim.iss            string    read-only   null
sasl.oauthbearer.assertion.claim.jti.include    boolean   read-only   false
sasl.oauthbearer.assertion.claim.nbf.seconds    int       read-only   60          [0,...,3600]
sasl.oauthbearer.assertion.claim.sub            string    read-only   null
sasl.oauthbearer.assertion.file                 string    read-only   null
sasl.oauthbearer.assertion.private.key.file     string    read-only   null
sasl.oauthbearer.assertion.private.key.passphrase  password  read-only   null
sasl.oauthbearer.assertion.template.file        string    read-only   null
sasl.oauthbearer.client.credentials.client.id   string    read-only   null
sasl.oauthbearer.client.credentials.client.secret  password  read-only   null
sasl.oauthbearer.clock.skew.seconds             int       read-only   30
sasl.oauthbearer.expected.audience              list      read-only   ""
sasl.oauthbearer.expected.issuer                string    read-only   null
sasl.oauthbearer.jwks.endpoint.refresh.ms       long      read-only   3600000
sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms  long      read-only   10000
sasl.oauthbearer.jwks.endpoint.retry.backoff.ms  long      read-only   100
sasl.oauthbearer.jwks.endpoint.url              string    read-only   null
sasl.oauthbearer.jwt.retriever.class            class     read-only   org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever
sasl.oauthbearer.jwt.validator.class            class     read-only   org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator
sasl.oauthbearer.scope                          string    read-only   null
sasl.oauthbearer.scope.claim.name               string    read-only   scope
sasl.oauthbearer.sub.claim.name                 string    read-only   sub
sasl.oauthbearer.token.endpoint.url             string    read-only   null
sasl.server.callback.handler.class              class     read-only   null
sasl.server.max.receive.size                    int       read-only   524288
security.inter.broker.protocol                  string    read-only   PLAINTEXT   [PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL]
security.providers                              string    read-only   null
ssl.allow.dn.changes                            boolean   read-only   false
ssl.allow.san.changes                           boolean   read-only   false
ssl.cipher.suites                               list      per-broker  ""
ssl.client.auth                                 string    per-broker  none        [required, requested, none]
ssl.enabled.protocols                           list      per-broker  TLSv1.2,TLSv1.3
ssl.endpoint.identification.algorithm           string    per-broker  https
ssl.engine.factory.class                        class     per-broker  null
ssl.key.password                                password  per-broker  null
ssl.keymanager.algorithm                        string    per-broker  SunX509
ssl.keystore.certificate.chain                  password  per-broker  null
ssl.keystore.key                                password  per-broker  null
ssl.keystore.location                           string    per-broker  null
ssl.keystore.password                           password  per-broker  null
ssl.keystore.type                               string    per-broker  JKS
ssl.principal.mapping.rules                     string    read-only   DEFAULT
ssl.protocol                                    string    per-broker  TLSv1.3
ssl.provider                                    string    per-broker  null
ssl.secure.random.implementation                string    per-broker  null
ssl.trustmanager.algorithm                      string    per-broker  PKIX
ssl.truststore.certificates                     password  per-broker  null
ssl.truststore.location                         string    per-broker  null
ssl.truststore.password                         password  per-broker  null
ssl.truststore.type                             string    per-broker  JKS
`
