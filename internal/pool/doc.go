// Package pool keeps pools: their settings, the applications that use them and
// the API keys that those hold. It answers the question with which every
// request begins: whose is it?
//
// Start reading at [Pools].
package pool
