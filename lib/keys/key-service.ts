// KeyService: the one interface to key management, whoever provides it. Nothing takes one yet; the
// root key sources of root-key.ts stand where it will come in.

/**
 * Bound into every ciphertext. Random ids only (store, bucket, blob): a provider's logs are readable,
 * so no names.
 */
export type EncryptionContext = Readonly<Record<string, string>>;

export interface WrappedKey {
  keyId: string;
  keyVersion: string;
  ciphertext: Uint8Array;
}

/** A keyId is an id or an alias; where it is left out, the default managed key. */
export interface KeyService {
  encrypt(
    plaintext: Uint8Array,
    options: { keyId?: string; context: EncryptionContext; signal?: AbortSignal },
  ): Promise<WrappedKey>;
  decrypt(
    wrapped: WrappedKey,
    options: { context: EncryptionContext; signal?: AbortSignal },
  ): Promise<Uint8Array>;
  [Symbol.asyncDispose]?(): PromiseLike<void>;
}
