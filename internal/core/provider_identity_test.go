package core

import "testing"

// TestNoTwoIdentitiesShareAHandle moves the borders between the three parts.
func TestNoTwoIdentitiesShareAHandle(t *testing.T) {
	seen := map[string]ProviderIdentity{}
	parts := []string{"a", "a b", "b", "\" \"", "a\" \"b", "\"", "\\", "\\\"", "", "a\x00", "\xff", "\ufffd", "A"}
	for _, provider := range parts {
		for _, issuer := range parts {
			for _, subject := range parts {
				i := ProviderIdentity{Provider: provider, Issuer: issuer, Subject: subject}
				if other, taken := seen[i.Handle()]; taken {
					t.Fatalf("law: no two identities share a handle; %q and %q do", i, other)
				}
				seen[i.Handle()] = i
			}
		}
	}
	one := ProviderIdentity{Provider: "google", Issuer: "https://a.example", Subject: "1"}
	other := one
	if other.Email = "ana@example.org"; one.Handle() != other.Handle() {
		t.Error("law: an identity is not known by its address; another address made another handle")
	}
	data, err := other.Data()
	if got, readErr := (Authenticator{Data: data}).Identity(); err != nil || readErr != nil || got != other {
		t.Errorf("law: what an authenticator keeps of an identity is read as it was; got %+v, %v, %v", got, err, readErr)
	}
}
