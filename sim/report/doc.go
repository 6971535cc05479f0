// Package report holds the views: everything that turns results into text, tables,
// pictures and JSON for people and programs. It computes no placement.
package report
