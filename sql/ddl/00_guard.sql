\echo Use "CREATE EXTENSION eventstore" to load this file. \quit
