package store

// table is a table of the schema as backups know it.
type table struct {
	name  string
	since int64 // the step of the schema that makes it
	fate  fate
	// number is the column that counts up by itself, or empty.
	number string
}

// fate is what becomes of a table's rows between a backup and a restore.
type fate int

const (
	// lasting rows come back as they were.
	lasting fate = iota
	// sessions come back ended, unless the restore keeps what is under way.
	sessions
	// fleeting rows are good once or for a while, and may have been used or
	// taken back since the backup. They come back only if the restore keeps
	// what is under way.
	fleeting
	// unkept rows are in no backup.
	unkept
)

// allTables is every table of the schema. One that refers to another stands
// behind it: that is the order in which they are restored.
func allTables() []table {
	return []table{
		{"deployment_keys", 1, lasting, ""},
		{"pools", 1, lasting, ""},
		{"pool_hosts", 1, lasting, ""},
		{"pool_secrets", 1, lasting, ""},
		{"applications", 1, lasting, ""},
		{"application_secrets", 21, lasting, ""},
		{"api_keys", 1, lasting, ""},
		{"signing_keys", 6, lasting, ""},
		{"agreement_kinds", 5, lasting, ""},
		{"agreements", 5, lasting, ""},
		{"users", 1, lasting, ""},
		{"user_profile_values", 1, lasting, ""},
		{"authenticators", 1, lasting, ""},
		{"user_groups", 12, lasting, ""},
		{"group_members", 12, lasting, ""},
		{"recovery_codes", 14, lasting, ""},
		{"sightings", 17, lasting, ""},
		{"risk_decisions", 17, lasting, ""},
		{"consents", 21, lasting, ""},
		{"invitations", 4, lasting, ""},
		{"user_imports", 18, lasting, ""},
		{"import_details", 18, lasting, ""},
		{"attempts", 1, lasting, ""},
		{"budgets", 8, lasting, ""},
		{"counters", 1, lasting, ""},
		{"events", 1, lasting, "seq"},
		{"audit_heads", 10, lasting, ""},
		{"sessions", 1, sessions, ""},
		{"access_tokens", 1, fleeting, ""},
		{"refresh_tokens", 1, fleeting, ""},
		{"client_tokens", 21, fleeting, ""},
		{"device_codes", 23, fleeting, ""},
		{"flows", 1, fleeting, ""},
		{"tickets", 1, fleeting, ""},
		{"notes", 1, fleeting, ""},
		{"devices", 16, fleeting, ""},
		{"import_sources", 18, fleeting, ""},
		{"import_chunks", 18, fleeting, ""},
		// What was taken stays taken: a restored node may be brought it again.
		{"saml_assertions", 20, lasting, ""},
		// A mail that has left since would leave twice.
		{"outbox", 1, fleeting, ""},
		// What running nodes must forget: a restored database has none.
		{"changes", 1, unkept, ""},
	}
}

// tablesAt is the tables that a schema has.
func tablesAt(schema int64) []table {
	var there []table
	for _, t := range allTables() {
		if t.since <= schema {
			there = append(there, t)
		}
	}
	return there
}
