// Package report holds the views: everything that turns results into text, tables,
// pictures and JSON for people and programs. It computes no placement.
//
//   - run_text.go, run_json.go: one boot; picture.go, lane.go: memory, and W+X over time
//   - compare*.go, questions.go, policies.go: several designs, on one machine and under
//     several policies
//   - kaslr.go, kaslr_text.go: where a kernel can land
//   - table.go, units.go: how rows and numbers look
package report
