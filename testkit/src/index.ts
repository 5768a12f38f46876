export { type Certificates, certificates, type Identity, NO_OPENSSL } from './certificates.ts'
export { HEADER_LENGTH, StreamLedger } from './stream-ledger.ts'
export { aborted, type Deferred, defer, endOfTick, quiet, rejection, thrownBy, turn, until, within } from './waiting.ts'
