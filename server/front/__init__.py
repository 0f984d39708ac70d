"""The process people and services reach: it answers reads of live settings itself and passes everything else on."""
